/* Authenticator data (WebAuthn section 6.1) and the key within (RFC 9052 section 7). */
#include "formats/webauthn/internal.h"

#define HEAD_LEN   37 /* hash, flags, counter */
#define AAGUID_LEN 16

#define FLAG_PRESENT   0x01
#define FLAG_VERIFIED  0x04
#define FLAG_ELIGIBLE  0x08 /* for backup */
#define FLAG_BACKED_UP 0x10
#define FLAG_KEY       0x40
#define FLAG_MORE      0x80 /* extensions follow */

#define COSE_KTY 1
#define COSE_ALG 3
#define POINT    32
#define MODULUS  256
#define EXPONENT 3

/* What is read of a COSE key; integers and strings by label. */
struct cose {
    int64_t kty;
    int64_t alg;
    int64_t crv;
    struct slice strings[4]; /* of the labels -1 to -3, at 1 to 3 */
    unsigned seen;           /* bits */
};

static bool read_entry(struct slice *rest, struct cose *c)
{
    int64_t label = 0;
    int64_t *number = NULL;

    if (!item_integer(rest, &label) || rest->len == 0) {
        return false;
    }
    unsigned bit = label == COSE_KTY || label == COSE_ALG ? 1U << label
                   : label >= -3 && label <= -1           ? 16U << -label
                                                          : 0;
    if (bit == 0 || c->seen & bit) {
        return false;
    }
    c->seen |= bit;
    number = label == COSE_KTY ? &c->kty : label == COSE_ALG ? &c->alg : NULL;
    if (!number && label == -1 && rest->ptr[0] >> 5 != CBOR_MAJOR_BYTES) {
        number = &c->crv;
    }
    return number ? item_integer(rest, number)
                  : item_string(rest, CBOR_MAJOR_BYTES, &c->strings[-label]);
}

static void put_key(struct webauthn_data *out, int64_t algorithm, struct slice a, struct slice b)
{
    out->algorithm = (enum webauthn_algorithm)algorithm;
    (void)memcpy(out->key, a.ptr, a.len);
    if (b.len) {
        (void)memcpy(out->key + a.len, b.ptr, b.len);
    }
    out->key_len = a.len + b.len;
}

static bool take_key(const struct cose *c, struct webauthn_data *out)
{
    const struct slice *s = c->strings;

    if (c->alg == WEBAUTHN_ES256 && c->kty == 2 && c->crv == 1 && s[2].len == POINT &&
        s[3].len == POINT) {
        put_key(out, c->alg, s[2], s[3]);
        return true;
    }
    if (c->alg == WEBAUTHN_EDDSA && c->kty == 1 && c->crv == 6 && s[2].len == POINT &&
        s[3].len == 0) {
        put_key(out, c->alg, s[2], SLICE_NONE);
        return true;
    }
    if (c->alg == WEBAUTHN_RS256 && c->kty == 3 && s[1].len == MODULUS && s[2].len == EXPONENT &&
        s[3].len == 0) {
        put_key(out, c->alg, s[1], s[2]);
        return true;
    }
    return false;
}

static bool read_key(struct slice *rest, struct webauthn_data *out)
{
    struct cose c = {.kty = 0};
    uint64_t count = 0;

    if (!item_count(rest, CBOR_MAJOR_MAP, &count) || count > 5) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!read_entry(rest, &c)) {
            return false;
        }
    }
    return take_key(&c, out);
}

static bool read_credential(struct slice *rest, struct webauthn_data *out)
{
    if (rest->len < AAGUID_LEN + 2) {
        return false;
    }
    size_t len = (size_t)rest->ptr[AAGUID_LEN] << 8 | rest->ptr[AAGUID_LEN + 1];
    *rest = slice_from(*rest, AAGUID_LEN + 2);
    if (len == 0 || len > WEBAUTHN_CREDENTIAL_MAX || len > rest->len) {
        return false;
    }
    out->credential = slice_head(*rest, len);
    *rest = slice_from(*rest, len);
    return true;
}

static bool read_extensions(struct slice *rest)
{
    return rest->len && rest->ptr[0] >> 5 == CBOR_MAJOR_MAP && item_skip(rest);
}

bool webauthn_data_read(struct slice bytes, bool creates, struct webauthn_data *out,
                        struct error *e)
{
    *out = (struct webauthn_data){.counter = 0};
    if (bytes.len < HEAD_LEN || bytes.len > WEBAUTHN_DATA_MAX) {
        return error_set(e, ERROR_INPUT, "the passkey's data has another length");
    }
    unsigned flags = bytes.ptr[WEBAUTHN_HASH_LEN];
    const uint8_t *n = bytes.ptr + WEBAUTHN_HASH_LEN + 1;
    struct slice rest = slice_from(bytes, HEAD_LEN);

    out->rp_hash = slice_head(bytes, WEBAUTHN_HASH_LEN);
    out->present = flags & FLAG_PRESENT;
    out->verified = flags & FLAG_VERIFIED;
    out->counter = (uint32_t)n[0] << 24 | (uint32_t)n[1] << 16 | (uint32_t)n[2] << 8 | n[3];
    if (!(flags & FLAG_ELIGIBLE) && flags & FLAG_BACKED_UP) {
        return error_set(e, ERROR_INPUT, "the passkey's data contradicts itself");
    }
    if (creates != (bool)(flags & FLAG_KEY)) {
        return error_set(e, ERROR_INPUT,
                         creates ? "the passkey's data has no key"
                                 : "the passkey's data has a key, which only a new one has");
    }
    if (creates && !read_credential(&rest, out)) {
        return error_set(e, ERROR_INPUT, "the passkey has no usable id");
    }
    if (creates && !read_key(&rest, out)) {
        return error_set(e, ERROR_INPUT,
                         "the passkey's key is none of ES256, EdDSA or RS256 with 2048 bits");
    }
    if ((flags & FLAG_MORE && !read_extensions(&rest)) || rest.len) {
        return error_set(e, ERROR_INPUT, "what stands behind the passkey's data is not understood");
    }
    return true;
}
