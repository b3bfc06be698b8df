/* Attestation objects (WebAuthn sections 6.5.4, 8.2 and 8.7). */
#include "base/buf.h"

#include "formats/webauthn/internal.h"

#define CERTIFICATES_MAX 8

/* The statement of "packed": alg, sig, and x5c if a certificate of the maker has signed. */
static bool read_packed_entry(struct slice *rest, struct webauthn_attestation *out)
{
    struct slice name = SLICE_NONE;
    struct slice other = SLICE_NONE;
    uint64_t count = 0;

    if (!item_string(rest, CBOR_MAJOR_TEXT, &name)) {
        return false;
    }
    if (slice_equal(name, SLICE("alg"))) {
        return out->algorithm == 0 && item_integer(rest, &out->algorithm);
    }
    if (slice_equal(name, SLICE("sig"))) {
        return out->signature.len == 0 && item_string(rest, CBOR_MAJOR_BYTES, &out->signature);
    }
    if (!slice_equal(name, SLICE("x5c")) || out->certificate.len ||
        !item_count(rest, CBOR_MAJOR_ARRAY, &count) || count == 0 || count > CERTIFICATES_MAX ||
        !item_string(rest, CBOR_MAJOR_BYTES, &out->certificate) || out->certificate.len == 0) {
        return false;
    }
    for (uint64_t i = 1; i < count; i++) {
        if (!item_string(rest, CBOR_MAJOR_BYTES, &other)) {
            return false;
        }
    }
    return true;
}

static bool read_statement(struct slice statement, struct webauthn_attestation *out)
{
    uint64_t count = 0;

    if (!item_count(&statement, CBOR_MAJOR_MAP, &count)) {
        return false;
    }
    if (!out->packed) {
        return count == 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!read_packed_entry(&statement, out)) {
            return false;
        }
    }
    return out->algorithm && out->signature.len && out->signature.len <= WEBAUTHN_SIGNATURE_MAX;
}

struct parts {
    struct slice format;
    struct slice statement;
    struct slice data;
};

static bool read_part(struct slice *rest, struct parts *p)
{
    struct slice name = SLICE_NONE;

    if (!item_string(rest, CBOR_MAJOR_TEXT, &name)) {
        return false;
    }
    if (slice_equal(name, SLICE("fmt"))) {
        return p->format.len == 0 && item_string(rest, CBOR_MAJOR_TEXT, &p->format);
    }
    if (slice_equal(name, SLICE("authData"))) {
        return p->data.len == 0 && item_string(rest, CBOR_MAJOR_BYTES, &p->data);
    }
    if (!slice_equal(name, SLICE("attStmt")) || p->statement.len) {
        return false;
    }
    const uint8_t *start = rest->ptr;
    bool read = item_skip(rest);
    p->statement = slice_of(start, read ? (size_t)(rest->ptr - start) : 0);
    return read;
}

bool webauthn_attestation_read(struct slice bytes, struct webauthn_attestation *out,
                               struct error *e)
{
    struct parts p = {.data = SLICE_NONE};
    struct slice rest = bytes;
    uint64_t count = 0;

    *out = (struct webauthn_attestation){.packed = false};
    bool good = bytes.len <= WEBAUTHN_ATTESTATION_MAX &&
                item_count(&rest, CBOR_MAJOR_MAP, &count) && count == 3 && read_part(&rest, &p) &&
                read_part(&rest, &p) && read_part(&rest, &p) && rest.len == 0;
    if (!good) {
        return error_set(e, ERROR_INPUT, "the new passkey's attestation is not understood");
    }
    out->packed = slice_equal(p.format, SLICE("packed"));
    out->data = p.data;
    if (!out->packed && !slice_equal(p.format, SLICE("none"))) {
        return error_set(e, ERROR_INPUT,
                         "a new passkey is taken with the attestation `none` or `packed` alone");
    }
    return read_statement(p.statement, out) ||
           error_set(e, ERROR_INPUT, "the new passkey's attestation is not understood");
}

static void add_head(struct buf *out, unsigned major, size_t n)
{
    if (n < 24) {
        buf_add_byte(out, (uint8_t)(major << 5 | n));
    } else if (n < 256) {
        buf_add_byte(out, (uint8_t)(major << 5 | 24));
        buf_add_byte(out, (uint8_t)n);
    } else {
        buf_add_byte(out, (uint8_t)(major << 5 | 25));
        buf_add_byte(out, (uint8_t)(n >> 8));
        buf_add_byte(out, (uint8_t)n);
    }
}

struct slice webauthn_attestation_write(struct slice data, struct arena *arena)
{
    OWN(buf) struct buf out = {.max = WEBAUTHN_ATTESTATION_MAX};

    add_head(&out, CBOR_MAJOR_MAP, 3);
    buf_add_text(&out, "cfmtdnonegattStmt"); /* texts of 3, 4 and 7 letters begin with c, d and g */
    add_head(&out, CBOR_MAJOR_MAP, 0);
    buf_add_text(&out, "hauthData");
    add_head(&out, CBOR_MAJOR_BYTES, slice_head(data, WEBAUTHN_DATA_MAX).len);
    buf_add(&out, slice_head(data, WEBAUTHN_DATA_MAX));
    return arena_copy(arena, buf_slice(&out));
}
