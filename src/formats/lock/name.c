#include <stdio.h>

#include "formats/lock/internal.h"

#define NAME_END_MAX 16 /* bytes of "report.docx" from its dot that are kept when it is cut */

static struct slice behind_last(struct slice s, uint8_t c)
{
    size_t at = s.len;

    while (at > 0 && s.ptr[at - 1] != c) {
        at--;
    }
    return slice_from(s, at);
}

/* Characters that turn text around, so that "exe.pdf" is shown for "fdp.exe": U+200E, U+200F, U+202A to
 * U+202E, U+2066 to U+2069. */
static bool is_turn(struct slice s)
{
    if (s.len < 3 || s.ptr[0] != 0xe2 || (s.ptr[1] != 0x80 && s.ptr[1] != 0x81)) {
        return false;
    }
    uint8_t c = s.ptr[2];
    return s.ptr[1] == 0x80 ? c == 0x8e || c == 0x8f || (c >= 0xaa && c <= 0xae)
                            : c >= 0xa6 && c <= 0xa9;
}

static bool is_refused(uint8_t c)
{
    return c < ' ' || c == 0x7f || strchr("<>:\"|?*/\\", c) != NULL;
}

/* Devices of Windows, with whatever ending. */
static bool is_device(struct slice name)
{
    static const char *const plain[] = {"con", "prn", "aux", "nul"};
    struct slice stem = slice_head(name, slice_find(name, '.'));

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (slice_equal_nocase(stem, slice_text(plain[i]))) {
            return true;
        }
    }
    return stem.len == 4 &&
           (slice_starts_nocase(stem, SLICE("com")) || slice_starts_nocase(stem, SLICE("lpt"))) &&
           stem.ptr[3] >= '0' && stem.ptr[3] <= '9';
}

/* At most `max` bytes of s, cut between characters. */
static struct slice whole_characters(struct slice s, size_t max)
{
    struct slice head = slice_head(s, max);

    while (head.len < s.len && head.len > 0 && (s.ptr[head.len] & 0xc0) == 0x80) {
        head.len--;
    }
    return head;
}

static void add_clean(struct slice s, char *out, size_t *len)
{
    for (size_t i = 0; i < s.len; i++) {
        if (is_turn(slice_from(s, i))) {
            i += 2;
            continue;
        }
        out[(*len)++] = is_refused(s.ptr[i]) ? '_' : (char)s.ptr[i];
    }
}

void lock_safe_name(struct slice name, unsigned number, char out[static LOCK_SAFE_NAME_MAX])
{
    char count[12] = "";
    size_t len = 0;

    name = behind_last(behind_last(name, '/'), '\\');
    while (name.len && (name.ptr[name.len - 1] == '.' || name.ptr[name.len - 1] == ' ')) {
        name.len--;
    }
    if (name.len == 0 || !slice_is_utf8(name)) {
        name = SLICE("file");
    }
    struct slice end = behind_last(name, '.');
    size_t end_len = end.len < name.len && end.len < NAME_END_MAX ? end.len + 1 : 0;
    struct slice stem = whole_characters(slice_head(name, name.len - end_len),
                                         LOCK_NAME_MAX - NAME_END_MAX - sizeof(count));
    if (number) {
        (void)snprintf(count, sizeof(count), "-%u", number);
    }
    if (is_device(name) || name.ptr[0] == '.') {
        out[len++] = '_';
    }
    add_clean(stem, out, &len);
    add_clean(slice_text(count), out, &len);
    add_clean(slice_from(name, name.len - end_len), out, &len);
    out[len] = '\0';
}
