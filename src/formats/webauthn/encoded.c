/* Base64url, and the items of CBOR. */
#include "formats/jose/base64url.h"
#include "formats/webauthn/internal.h"

#define DEPTH_MAX 4
#define ITEMS_MAX 64 /* of one value that is read over */

struct slice webauthn_base64(struct slice bytes, struct arena *arena)
{
    uint8_t *out = arena_alloc(arena, BASE64URL_LEN(bytes.len) + 1);

    return slice_of(out, base64url_encode(bytes, out));
}

bool base64_read(struct slice text, struct arena *arena, struct slice *out)
{
    uint8_t *bytes = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    if (!base64url_decode(text, bytes, text.len, &len)) {
        return false;
    }
    *out = slice_of(bytes, len);
    return true;
}

bool item_head(struct slice *rest, enum cbor_major *major, uint64_t *value)
{
    if (rest->len == 0) {
        return false;
    }
    unsigned more = rest->ptr[0] & 31U;
    *major = (enum cbor_major)(rest->ptr[0] >> 5);
    *rest = slice_from(*rest, 1);
    if (more < 24) {
        *value = more;
        return true;
    }
    size_t len = (size_t)1 << (more - 24);
    if (more > 27 || rest->len < len) {
        return false;
    }
    *value = 0;
    for (size_t i = 0; i < len; i++) {
        *value = *value << 8 | rest->ptr[i];
    }
    *rest = slice_from(*rest, len);
    return len == 1 ? *value >= 24 : *value >> (len * 4) != 0; /* shorter would do otherwise */
}

bool item_integer(struct slice *rest, int64_t *value)
{
    enum cbor_major major;
    uint64_t n = 0;

    if (!item_head(rest, &major, &n) || n > INT32_MAX ||
        (major != CBOR_MAJOR_UINT && major != CBOR_MAJOR_NEGATIVE)) {
        return false;
    }
    *value = major == CBOR_MAJOR_UINT ? (int64_t)n : -1 - (int64_t)n;
    return true;
}

bool item_string(struct slice *rest, enum cbor_major major, struct slice *out)
{
    enum cbor_major is;
    uint64_t len = 0;

    if (!item_head(rest, &is, &len) || is != major || len > rest->len) {
        return false;
    }
    *out = slice_head(*rest, (size_t)len);
    *rest = slice_from(*rest, (size_t)len);
    return true;
}

bool item_count(struct slice *rest, enum cbor_major major, uint64_t *count)
{
    enum cbor_major is;

    return item_head(rest, &is, count) && is == major && *count <= ITEMS_MAX;
}

/* Read over one head and a string's bytes; *inside: how many items follow in it. */
static bool skip_one(struct slice *rest, uint64_t *inside)
{
    enum cbor_major major;
    uint64_t n = 0;

    if (!item_head(rest, &major, &n)) {
        return false;
    }
    *inside = major == CBOR_MAJOR_ARRAY ? n : major == CBOR_MAJOR_MAP ? 2 * n : 0;
    switch (major) {
    case CBOR_MAJOR_BYTES:
    case CBOR_MAJOR_TEXT:
        if (n > rest->len) {
            return false;
        }
        *rest = slice_from(*rest, (size_t)n);
        return true;
    case CBOR_MAJOR_ARRAY:
    case CBOR_MAJOR_MAP:
        return n <= ITEMS_MAX;
    case CBOR_MAJOR_UINT:
    case CBOR_MAJOR_NEGATIVE:
        return true;
    case CBOR_MAJOR_SIMPLE:
        return n == 20 || n == 21; /* false and true */
    case CBOR_MAJOR_TAG:
        break;
    }
    return false;
}

bool item_skip(struct slice *rest)
{
    uint64_t left[DEPTH_MAX + 1] = {1}; /* items at each depth that are still to come */
    size_t depth = 0;

    for (size_t items = 0; items < ITEMS_MAX; items++) {
        uint64_t inside = 0;
        left[depth]--;
        if (!skip_one(rest, &inside) || (inside && depth == DEPTH_MAX)) {
            return false;
        }
        if (inside) {
            left[++depth] = inside;
        }
        while (depth && left[depth] == 0) {
            depth--;
        }
        if (left[depth] == 0) {
            return true;
        }
    }
    return false;
}
