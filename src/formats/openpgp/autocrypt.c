#include "formats/openpgp/autocrypt.h"

#include <openssl/evp.h>

#define ATTRIBUTES_MAX 16

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice trim(struct slice s)
{
    while (s.len && is_space(s.ptr[0])) {
        s = slice_from(s, 1);
    }
    while (s.len && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

/* Base64 with white space anywhere in it, padded. */
static bool decode(struct slice text, struct arena *arena, struct slice *out)
{
    uint8_t *plain = arena_alloc(arena, text.len + 1);
    uint8_t *bytes = arena_alloc(arena, text.len + 1);
    size_t n = 0;
    size_t pads = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (!is_space(text.ptr[i])) {
            pads += text.ptr[i] == '=' ? 1 : 0;
            plain[n++] = text.ptr[i];
        }
    }
    if (n == 0 || n % 4 != 0 || pads > 2 || EVP_DecodeBlock(bytes, plain, (int)n) < 0) {
        return false;
    }
    *out = slice_of(bytes, n / 4 * 3 - pads);
    return true;
}

bool autocrypt_read(struct slice value, struct arena *arena, struct autocrypt *out)
{
    struct autocrypt read = {.address = SLICE_NONE};
    struct slice keydata = SLICE_NONE;
    struct slice rest = value;

    for (size_t i = 0; rest.len; i++) {
        struct slice body = SLICE_NONE;
        struct slice name = trim(slice_cut(slice_cut(rest, ';', &rest), '=', &body));
        if (i == ATTRIBUTES_MAX || value.len > AUTOCRYPT_VALUE_MAX) {
            return false;
        }
        if (slice_equal(name, SLICE("addr")) && !read.address.len) {
            read.address = trim(body);
        } else if (slice_equal(name, SLICE("keydata")) && !keydata.len) {
            keydata = body;
        } else if (name.len && name.ptr[0] != '_' && !slice_equal(name, SLICE("prefer-encrypt"))) {
            return false; /* critical, or twice */
        }
    }
    if (!read.address.len || !decode(keydata, arena, &read.key)) {
        return false;
    }
    *out = read;
    return true;
}
