#include "base/base64.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static const char *const alphabets[] = {
    [BASE64_PLAIN] = LETTERS "+/",
    [BASE64_URL] = LETTERS "-_",
};

/* The six bits of one letter, or 64. */
static uint32_t bits_of(const char *alphabet, uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return (uint32_t)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (uint32_t)(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0') + 52;
    }
    return c == (uint8_t)alphabet[62] ? 62 : c == (uint8_t)alphabet[63] ? 63 : 64;
}

bool base64_decode(enum base64_letters letters, struct slice in, uint8_t *out, size_t max,
                   size_t *len)
{
    size_t made = 0;
    uint32_t word = 0;
    unsigned held = 0; /* bits of `word` that are no octet yet */

    if (in.len % 4 == 1) {
        return false;
    }
    for (size_t i = 0; i < in.len; i++) {
        uint32_t bits = bits_of(alphabets[letters], in.ptr[i]);
        if (bits > 63) {
            return false;
        }
        word = (word << 6 | bits) & 0xffffU;
        held += 6;
        if (held < 8) {
            continue;
        }
        held -= 8;
        if (made == max) {
            return false;
        }
        out[made++] = (uint8_t)(word >> held);
    }
    *len = made;
    return (word & ((1U << held) - 1)) == 0;
}

size_t base64_encode(enum base64_letters letters, struct slice in, uint8_t *out)
{
    const char *alphabet = alphabets[letters];
    size_t made = 0;
    uint32_t word = 0;
    unsigned held = 0;

    for (size_t i = 0; i < in.len; i++) {
        word = (word << 8 | in.ptr[i]) & 0xffffU;
        for (held += 8; held >= 6; held -= 6) {
            out[made++] = (uint8_t)alphabet[word >> (held - 6) & 63];
        }
    }
    if (held) {
        out[made++] = (uint8_t)alphabet[word << (6 - held) & 63];
    }
    return made;
}
