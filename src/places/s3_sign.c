#include "places/s3_sign.h"

#include <string.h>

#include "keyring/digest.h"

#define DAY_LEN  8
#define TEXT_MAX ((size_t)64 << 10)

static void hex(struct slice s, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        buf_printf(out, "%02x", s.ptr[i]);
    }
}

void s3_hash(struct slice s, struct buf *out)
{
    uint8_t digest[DIGEST_LEN];

    digest_of(s, SLICE_NONE, digest);
    hex(SLICE_ARRAY(digest), out);
}

void s3_encode(struct slice s, bool slashes, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        uint8_t low = ascii_lower(c);
        bool stays = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                     c == '_' || c == '~' || (c == '/' && slashes);
        if (stays) {
            buf_add_byte(out, c);
        } else {
            buf_printf(out, "%%%02X", c);
        }
    }
}

static void add_names(const struct s3_request *r, struct buf *out)
{
    for (size_t i = 0; i < r->n_headers; i++) {
        buf_printf(out, "%s%s", i ? ";" : "", r->headers[i].name);
    }
}

/* The request as both ends write it. */
static void canonical(const struct s3_request *r, struct buf *out)
{
    buf_printf(out, "%s\n%.*s\n%.*s\n", r->method, SLICE_ARG(r->path), SLICE_ARG(r->query));
    for (size_t i = 0; i < r->n_headers; i++) {
        buf_printf(out, "%s:%.*s\n", r->headers[i].name, SLICE_ARG(r->headers[i].value));
    }
    buf_add_byte(out, '\n');
    add_names(r, out);
    buf_printf(out, "\n%.*s", SLICE_ARG(r->payload_hash));
}

static void signing_key(const struct s3_request *r, uint8_t key[static DIGEST_LEN])
{
    OWN(buf) struct buf first = {.max = TEXT_MAX};
    uint8_t other[DIGEST_LEN];

    buf_add_text(&first, "AWS4");
    buf_add(&first, r->secret);
    digest_hmac(buf_slice(&first), slice_of(r->date, DAY_LEN), key);
    digest_hmac(slice_of(key, DIGEST_LEN), r->region, other);
    digest_hmac(SLICE_ARRAY(other), slice_text(r->service), key);
    digest_hmac(slice_of(key, DIGEST_LEN), SLICE("aws4_request"), other);
    (void)memcpy(key, other, DIGEST_LEN);
    explicit_bzero(other, sizeof(other));
    if (first.ptr) {
        explicit_bzero(first.ptr, first.capacity);
    }
}

void s3_sign(const struct s3_request *r, struct buf *out)
{
    OWN(buf) struct buf request = {.max = TEXT_MAX};
    OWN(buf) struct buf text = {.max = TEXT_MAX};
    uint8_t key[DIGEST_LEN];
    uint8_t signature[DIGEST_LEN];

    canonical(r, &request);
    buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n%.*s/%.*s/%s/aws4_request\n", r->date, DAY_LEN,
               r->date, SLICE_ARG(r->region), r->service);
    s3_hash(buf_slice(&request), &text);
    signing_key(r, key);
    digest_hmac(SLICE_ARRAY(key), buf_slice(&text), signature);
    explicit_bzero(key, sizeof(key));
    buf_printf(out, "AWS4-HMAC-SHA256 Credential=%.*s/%.*s/%.*s/%s/aws4_request, SignedHeaders=",
               SLICE_ARG(r->access_key), DAY_LEN, r->date, SLICE_ARG(r->region), r->service);
    add_names(r, out);
    buf_add_text(out, ", Signature=");
    hex(SLICE_ARRAY(signature), out);
    out->full = out->full || request.full || text.full;
}
