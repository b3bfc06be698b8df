/* base/slice - a borrowed run of bytes: where it starts and how long it is.
 *
 * A slice owns nothing, frees nothing and ends without a terminator; it lives as long as the
 * memory it looks at. Bytes are unsigned, so that a letter in Latin-1 is never a negative
 * table index. Pass it by value. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *ptr;
    size_t len;
};

/* A slice of a string literal; usable in static initialisers as SLICE_INIT. */
#define SLICE_INIT(literal)                                                                        \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }
#define SLICE(literal) ((struct slice)SLICE_INIT(literal))

/* A slice of an array of bytes whose size the compiler knows. */
#define SLICE_ARRAY(array) ((struct slice){(const uint8_t *)(array), sizeof(array)})

#define SLICE_NONE ((struct slice){NULL, 0})

/* printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s) ((s).len > INT32_MAX ? INT32_MAX : (int)(s).len), (const char *)(s).ptr

/* Look at a NUL-terminated string; NULL gives the empty slice. */
static inline struct slice slice_text(const char *text)
{
    return text ? (struct slice){(const uint8_t *)text, strlen(text)} : SLICE_NONE;
}

static inline struct slice slice_of(const void *ptr, size_t len)
{
    return (struct slice){ptr, len};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* The part from byte `from` on; empty when there is none. */
static inline struct slice slice_from(struct slice s, size_t from)
{
    return from < s.len ? (struct slice){s.ptr + from, s.len - from}
                        : (struct slice){s.len ? s.ptr + s.len : s.ptr, 0};
}

/* At most the first `len` bytes. */
static inline struct slice slice_head(struct slice s, size_t len)
{
    return (struct slice){s.ptr, len < s.len ? len : s.len};
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_equal(slice_head(s, prefix.len), prefix);
}

/* Lower an ASCII letter and leave every other byte alone: locale never matters on the wire. */
static inline uint8_t ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Equal but for the case of ASCII letters (RFC 5321 section 2.4). */
bool slice_equal_nocase(struct slice a, struct slice b);

/* Whether s begins with prefix, but for the case of ASCII letters. */
bool slice_starts_nocase(struct slice s, struct slice prefix);

/* memcmp order, the shorter first when one is the other's beginning: -1, 0 or 1. */
int slice_compare(struct slice a, struct slice b);

/* Index of the first byte `c`, or s.len when it does not occur. */
size_t slice_find(struct slice s, uint8_t c);

/* Return what stands before the first `sep` and set *rest to what follows it. Without a `sep`
 * all of s is returned and *rest is empty. `rest` may point at s's own variable. */
struct slice slice_cut(struct slice s, uint8_t sep, struct slice *rest);

/* Without the spaces and tabs at either end. */
struct slice slice_trim(struct slice s);

/**
 * Read an unsigned decimal number that fills the whole slice.
 *
 * @param max  largest value accepted
 * @return     false, *value untouched, on an empty slice, another byte than a digit, or a
 *             value above max
 */
bool slice_decimal(struct slice s, uint64_t max, uint64_t *value)
    __attribute__((warn_unused_result));

/* Strictly valid UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
bool slice_is_utf8(struct slice s);

/* Whether no byte is above 127. */
bool slice_is_ascii(struct slice s);
