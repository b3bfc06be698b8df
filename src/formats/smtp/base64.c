#include "formats/smtp/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The six bits of one character, or 64. */
static uint32_t bits_of(uint8_t c)
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
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* The bits of four characters, of which the last `pad` are "=". False when they encode nothing, or
 * have bits that decode to nothing: those would be two texts for the same octets. */
static bool decode_four(const uint8_t *four, size_t pad, uint32_t *word)
{
    uint32_t all = 0;

    for (size_t i = 0; i < 4; i++) {
        uint32_t bits = i < 4 - pad ? bits_of(four[i]) : 0;
        if (bits > 63) {
            return false;
        }
        all = all << 6 | bits;
    }
    *word = all;
    return (all & ((1U << (8 * pad)) - 1)) == 0;
}

bool smtp_base64_decode(struct slice in, uint8_t *out, size_t max, size_t *len)
{
    size_t made = 0;

    if (in.len % 4) {
        return false;
    }
    for (size_t at = 0; at < in.len; at += 4) {
        const uint8_t *four = in.ptr + at;
        bool last = at + 4 == in.len;
        size_t pad = last && four[3] == '=' ? 1 + (four[2] == '=') : 0;
        uint32_t word = 0;
        if (!decode_four(four, pad, &word) || made + 3 - pad > max) {
            return false;
        }
        for (size_t i = 0; i < 3 - pad; i++) {
            out[made++] = (uint8_t)(word >> (16 - 8 * i));
        }
    }
    *len = made;
    return true;
}

size_t smtp_base64_encode(struct slice in, uint8_t *out)
{
    size_t made = 0;

    for (size_t at = 0; at < in.len; at += 3) {
        uint32_t word = 0;
        for (size_t i = 0; i < 3; i++) {
            word = word << 8 | (at + i < in.len ? in.ptr[at + i] : 0U);
        }
        for (size_t i = 0; i < 4; i++) {
            bool pad = at + i > in.len;
            out[made++] = pad ? (uint8_t)'=' : (uint8_t)alphabet[word >> (18 - 6 * i) & 63];
        }
    }
    return made;
}
