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

/* Length of the well-formed UTF-8 sequence at the start of s, or 0 (RFC 3629 section 4). The
 * second byte's range is what excludes overlong forms, surrogates and values above U+10FFFF. */
static size_t utf8_sequence(struct slice s)
{
    uint8_t first = s.ptr[0];
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    size_t len = 0;

    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        len = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        len = 3;
        low = first == 0xe0 ? 0xa0 : low;
        high = first == 0xed ? 0x9f : high;
    } else if (first >= 0xf0 && first <= 0xf4) {
        len = 4;
        low = first == 0xf0 ? 0x90 : low;
        high = first == 0xf4 ? 0x8f : high;
    }
    if (len == 0 || s.len < len || s.ptr[1] < low || s.ptr[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((s.ptr[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
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

bool slice_is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] & 0x80) {
            return false;
        }
    }
    return true;
}
