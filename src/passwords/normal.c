#include "passwords/normal.h"

#include <string.h>
#include <utf8proc.h>

#define CODES_MAX PASSWORD_BYTES_MAX /* more code points are more bytes as well */
#define FORM                                                                                       \
    (UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_REJECTNA | UTF8PROC_IGNORE)

static enum password_text flaw_of(utf8proc_ssize_t code)
{
    return code == UTF8PROC_ERROR_NOTASSIGNED ? PASSWORD_TEXT_UNASSIGNED : PASSWORD_TEXT_NO_UTF8;
}

static bool is_text(utf8proc_int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);

    return category != UTF8PROC_CATEGORY_CC && category != UTF8PROC_CATEGORY_CS &&
           category != UTF8PROC_CATEGORY_ZL && category != UTF8PROC_CATEGORY_ZP;
}

/* Code points to bytes; spaces of whatever width are the space of the keyboard (RFC 4013, 2.1). */
static enum password_text encode(const utf8proc_int32_t *codes, size_t count,
                                 struct password_normal *normal)
{
    struct password_normal made = {.len = 0, .characters = count};
    enum password_text text = count ? PASSWORD_TEXT_GOOD : PASSWORD_TEXT_EMPTY;

    for (size_t i = 0; i < count && text == PASSWORD_TEXT_GOOD; i++) {
        utf8proc_uint8_t bytes[4];
        bool space = utf8proc_category(codes[i]) == UTF8PROC_CATEGORY_ZS;
        size_t len = (size_t)utf8proc_encode_char(space ? ' ' : codes[i], bytes);
        if (!is_text(codes[i])) {
            text = PASSWORD_TEXT_CONTROL;
        } else if (made.len + len > PASSWORD_BYTES_MAX) {
            text = PASSWORD_TEXT_LONG;
        } else {
            (void)memcpy(made.bytes + made.len, bytes, len);
            made.len += len;
        }
    }
    if (text == PASSWORD_TEXT_GOOD) {
        *normal = made;
    }
    password_wipe(&made);
    return text;
}

static enum password_text normalise(struct slice typed, struct password_normal *normal)
{
    utf8proc_int32_t codes[CODES_MAX + 1];
    enum password_text text = PASSWORD_TEXT_LONG;

    if (typed.len == 0) {
        return PASSWORD_TEXT_EMPTY;
    }
    if (typed.len > PASSWORD_BYTES_MAX) {
        return PASSWORD_TEXT_LONG;
    }
    utf8proc_ssize_t count =
        utf8proc_decompose(typed.ptr, (utf8proc_ssize_t)typed.len, codes, CODES_MAX, FORM);
    if (count >= 0 && count <= CODES_MAX) {
        count = utf8proc_normalize_utf32(codes, count, FORM);
        text = count < 0 ? flaw_of(count) : encode(codes, (size_t)count, normal);
    } else if (count < 0) {
        text = flaw_of(count);
    }
    explicit_bzero(codes, sizeof(codes));
    return text;
}

enum password_text password_normalise(struct slice typed, struct password_normal *normal)
{
    *normal = (struct password_normal){.len = 0};
    enum password_text text = normalise(typed, normal);

    if (text != PASSWORD_TEXT_GOOD) {
        struct slice head = slice_head(typed, PASSWORD_BYTES_MAX);
        *normal = (struct password_normal){.len = head.len};
        if (head.len) {
            (void)memcpy(normal->bytes, head.ptr, head.len);
        }
    }
    return text;
}

void password_wipe(struct password_normal *normal)
{
    explicit_bzero(normal, sizeof(*normal));
}

int32_t password_fold(int32_t c)
{
    utf8proc_int32_t parts[8];
    int last_class = 0;
    utf8proc_ssize_t count = utf8proc_decompose_char(c, parts, 8, UTF8PROC_DECOMPOSE, &last_class);

    return utf8proc_tolower(count > 0 && count <= 8 ? parts[0] : c);
}
