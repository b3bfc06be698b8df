#include "formats/sts/internal.h"
#include "formats/sts/sts.h"

#define NAME_MAX_LEN 32

bool sts_text_join(struct slice rdata, struct arena *arena, struct slice *text)
{
    uint8_t *out = arena_alloc(arena, rdata.len + 1);
    size_t len = 0;

    while (rdata.len > 0) {
        size_t part = rdata.ptr[0];
        if (part >= rdata.len) {
            return false;
        }
        if (part > 0) {
            (void)memcpy(out + len, rdata.ptr + 1, part);
        }
        len += part;
        rdata = slice_from(rdata, part + 1);
    }
    if (len > STS_TEXT_MAX) {
        return false;
    }
    *text = slice_of(out, len);
    return true;
}

bool text_pick(const struct slice *texts, size_t n, struct slice prefix, struct slice *out)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        if (slice_starts(texts[i], prefix)) {
            *out = texts[i];
            found++;
        }
    }
    return found == 1;
}

static bool is_alnum(uint8_t c)
{
    uint8_t l = ascii_lower(c);

    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9');
}

/* sts-ext-name, tlsrpt-ext-name */
static bool is_name(struct slice s)
{
    if (s.len == 0 || s.len > NAME_MAX_LEN || !is_alnum(s.ptr[0])) {
        return false;
    }
    for (size_t i = 1; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (!is_alnum(c) && c != '_' && c != '-' && c != '.') {
            return false;
        }
    }
    return true;
}

/* sts-ext-value; a URI may hold "=" and stand in a list with blanks. */
static bool is_value(struct slice s, bool loose)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool blank = c == ' ' || c == '\t';
        if (c >= 0x7f || (c <= ' ' && !(loose && blank)) || (c == '=' && !loose)) {
            return false;
        }
    }
    return s.len > 0;
}

bool text_field_next(struct slice *rest, bool loose, struct text_field *out, bool *end)
{
    struct slice field = slice_trim(slice_cut(*rest, ';', rest));

    if (field.len == 0) { /* a delimiter may end the record; nothing may follow it */
        *end = true;
        return slice_trim(*rest).len == 0;
    }
    size_t at = slice_find(field, '=');
    *end = false;
    *out = (struct text_field){slice_head(field, at), slice_from(field, at + 1)};
    return at < field.len && is_name(out->name) && is_value(out->value, loose);
}
