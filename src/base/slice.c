#include "base/slice.h"

bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool slice_starts_nocase(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_equal_nocase(slice_head(s, prefix.len), prefix);
}

int slice_compare(struct slice a, struct slice b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared ? memcmp(a.ptr, b.ptr, shared) : 0;
    if (order == 0) {
        return (a.len > b.len) - (a.len < b.len);
    }
    return order < 0 ? -1 : 1;
}

size_t slice_find(struct slice s, uint8_t c)
{
    const uint8_t *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : s.len;
}

struct slice slice_cut(struct slice s, uint8_t sep, struct slice *rest)
{
    size_t at = slice_find(s, sep);
    *rest = slice_from(s, at + 1);
    return slice_head(s, at);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s)
{
    while (s.len && is_blank(s.ptr[0])) {
        s = slice_from(s, 1);
    }
    while (s.len && is_blank(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

bool slice_decimal(struct slice s, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;

    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(s.ptr[i] - '0');
        if (sum > (max - digit) / 10 || digit > max) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

/* The multi-byte forms of RFC 3629 section 4. The second byte's range is what excludes overlong
 * forms, surrogates and values above U+10FFFF; what follows it is 80 to BF. */
static const struct utf8_form {
    uint8_t first_low, first_high;
    uint8_t second_low, second_high;
    uint8_t len;
} utf8_forms[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2},
    {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4},
    {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static bool has_form(struct slice s, const struct utf8_form *form)
{
    bool fits = s.len >= form->len && s.ptr[1] >= form->second_low && s.ptr[1] <= form->second_high;

    for (size_t i = 2; fits && i < form->len; i++) {
        fits = (s.ptr[i] & 0xc0) == 0x80;
    }
    return fits;
}

/* Length of the well-formed UTF-8 sequence at the start of s, or 0. */
static size_t utf8_sequence(struct slice s)
{
    if (s.ptr[0] < 0x80) {
        return 1;
    }
    for (size_t i = 0; i < sizeof(utf8_forms) / sizeof(utf8_forms[0]); i++) {
        const struct utf8_form *form = &utf8_forms[i];
        if (s.ptr[0] >= form->first_low && s.ptr[0] <= form->first_high) {
            return has_form(s, form) ? form->len : 0;
        }
    }
    return 0;
}

bool slice_is_utf8(struct slice s)
{
    while (s.len) {
        size_t len = utf8_sequence(s);
        if (len == 0) {
            return false;
        }
        s = slice_from(s, len);
    }
    return true;
}

/* Blocks, because a loop that may end at any byte looks at one byte at a time. */
bool slice_is_ascii(struct slice s)
{
    enum { BLOCK = 64 };

    size_t i = 0;
    uint8_t any = 0;

    for (; i + BLOCK <= s.len && !(any & 0x80); i += BLOCK) {
        for (size_t j = 0; j < BLOCK; j++) {
            any |= s.ptr[i + j];
        }
    }
    for (; i < s.len && !(any & 0x80); i++) {
        any |= s.ptr[i];
    }
    return !(any & 0x80);
}
