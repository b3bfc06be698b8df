#include "formats/cms/signing.h"

#include <openssl/evp.h>
#include <string.h>
#include <time.h>

#include "formats/cms/der.h"
#include "formats/mail/covered.h"

#define LAYER_MAX    ((size_t)64 << 10)
#define SLACK        ((size_t)1 << 20)
#define ATTRIBUTES   5
#define UTC_TIME_END INT64_C(2524608000) /* 2050: RFC 5652 section 11.3 */

/* Object identifiers, encoded. */
#define PKCS7 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07
#define PKCS9 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09
#define AES   0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01

static const uint8_t oid_data[] = {PKCS7, 1};
static const uint8_t oid_content_type[] = {PKCS9, 3};
static const uint8_t oid_message_digest[] = {PKCS9, 4};
static const uint8_t oid_signing_time[] = {PKCS9, 5};
static const uint8_t oid_capabilities[] = {PKCS9, 15};
static const uint8_t oid_signing_certificate[] = {PKCS9, 16, 2, 47};
static const uint8_t oid_aes_256_cbc[] = {AES, 42};
static const uint8_t oid_aes_128_cbc[] = {AES, 2};

/* Buffers for what is built from the inside out. */
struct layers {
    struct buf one, two, three;
};

static void init(struct layers *l)
{
    buf_init(&l->one, LAYER_MAX);
    buf_init(&l->two, LAYER_MAX);
    buf_init(&l->three, LAYER_MAX);
}

static void own_layers(struct layers *l)
{
    buf_done(&l->one);
    buf_done(&l->two);
    buf_done(&l->three);
}

static bool sha256(struct slice s, uint8_t digest[static CMS_DIGEST_LEN])
{
    return EVP_Digest(s.ptr, s.len, digest, NULL, EVP_sha256(), NULL) == 1;
}

/* Append AlgorithmIdentifier. */
static void put_algorithm(struct buf *out, struct slice oid, struct buf *scratch)
{
    der_put(scratch, DER_OBJECT, oid);
    der_wrap(out, DER_SEQUENCE, scratch);
}

/* Attribute: SEQUENCE { type, SET { value } }; the value stands in l->three. */
static struct slice attribute(struct slice type, struct layers *l, struct arena *arena)
{
    der_put(&l->one, DER_OBJECT, type);
    der_wrap(&l->one, DER_SET, &l->three);
    der_wrap(&l->two, DER_SEQUENCE, &l->one);
    struct slice made = arena_copy(arena, buf_slice(&l->two));
    buf_reset(&l->two);
    return made;
}

static void put_time(struct buf *out, int64_t now_s)
{
    time_t now = (time_t)now_s;
    struct tm tm;
    char text[32];
    bool utc = now_s < UTC_TIME_END;

    if (!gmtime_r(&now, &tm)) {
        (void)memset(&tm, 0, sizeof(tm));
    }
    size_t len = strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
    der_put(out, utc ? DER_UTC_TIME : DER_TIME, slice_from(slice_of(text, len), utc ? 2 : 0));
}

/* SMIMECapabilities (RFC 8551 section 2.5.2): what answers may be encrypted with. What the mail programs behind us read is
 * not known, so only what all do. */
static void put_capabilities(struct layers *l)
{
    put_algorithm(&l->two, SLICE_ARRAY(oid_aes_256_cbc), &l->one);
    put_algorithm(&l->two, SLICE_ARRAY(oid_aes_128_cbc), &l->one);
    der_wrap(&l->three, DER_SEQUENCE, &l->two);
}

/* SigningCertificateV2 (RFC 5035 section 3): no other certificate of the same key will do. */
static void put_certificate_hash(struct layers *l, const uint8_t hash[static CMS_DIGEST_LEN])
{
    der_put(&l->one, DER_OCTETS, slice_of(hash, CMS_DIGEST_LEN));
    der_wrap(&l->two, DER_SEQUENCE, &l->one);
    der_wrap(&l->one, DER_SEQUENCE, &l->two);
    der_wrap(&l->three, DER_SEQUENCE, &l->one);
}

/* A SET OF is sorted by its encoding (X.690 section 11.6). */
static void sort(struct slice *all, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t k = i; k > 0 && slice_compare(all[k - 1], all[k]) > 0; k--) {
            struct slice other = all[k];
            all[k] = all[k - 1];
            all[k - 1] = other;
        }
    }
}

static bool write_attributes(const uint8_t digest[static CMS_DIGEST_LEN],
                             const uint8_t hash[static CMS_DIGEST_LEN], int64_t now_s,
                             struct arena *arena, struct slice *out)
{
    __attribute__((cleanup(own_layers))) struct layers l;
    struct slice all[ATTRIBUTES];

    init(&l);
    der_put(&l.three, DER_OBJECT, SLICE_ARRAY(oid_data));
    all[0] = attribute(SLICE_ARRAY(oid_content_type), &l, arena);
    put_time(&l.three, now_s);
    all[1] = attribute(SLICE_ARRAY(oid_signing_time), &l, arena);
    der_put(&l.three, DER_OCTETS, slice_of(digest, CMS_DIGEST_LEN));
    all[2] = attribute(SLICE_ARRAY(oid_message_digest), &l, arena);
    put_capabilities(&l);
    all[3] = attribute(SLICE_ARRAY(oid_capabilities), &l, arena);
    put_certificate_hash(&l, hash);
    all[4] = attribute(SLICE_ARRAY(oid_signing_certificate), &l, arena);
    sort(all, ATTRIBUTES);
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        buf_add(&l.one, all[i]);
    }
    der_wrap(&l.two, DER_SET, &l.one);
    *out = arena_copy(arena, buf_slice(&l.two));
    return !l.two.full && out->len <= CMS_ATTRIBUTES_MAX;
}

bool cms_payload_write(const struct mail_header *letter, bool encrypt, struct buf *outer,
                       struct buf *payload, struct error *e)
{
    size_t header = letter->bytes.len;

    if (!encrypt) {
        return covered_signed_write(letter, outer, payload, e);
    }
    buf_init(outer, header + SLACK);
    buf_init(payload, 3 * header + letter->body.len + SLACK);
    covered_outer_write(letter, COVERED_BY_ENCRYPTION, outer);
    covered_payload_write(letter, COVERED_BY_ENCRYPTION, buf_slice(outer), payload);
    return (!outer->full && !payload->full) ||
           error_set(e, ERROR_LIMIT, "the letter is too long to be protected by S/MIME");
}

bool cms_draft_write(const struct mail_header *letter, bool encrypt, struct slice chain,
                     int64_t now_s, struct arena *arena, struct cms_draft *out, struct error *e)
{
    OWN(buf) struct buf outer = {.max = 0};
    OWN(buf) struct buf payload = {.max = 0};
    struct slice certificate = der_first(chain);
    uint8_t digest[CMS_DIGEST_LEN];
    uint8_t hash[CMS_DIGEST_LEN];

    if (certificate.len == 0) {
        return error_set(e, ERROR_INPUT, "the sender's certificate cannot be used to sign");
    }
    if (!cms_payload_write(letter, encrypt, &outer, &payload, e)) {
        return false;
    }
    return (sha256(buf_slice(&payload), digest) && sha256(certificate, hash) &&
            write_attributes(digest, hash, now_s, arena, &out->attributes) &&
            sha256(out->attributes, out->digest)) ||
           error_set(e, ERROR_LIMIT, "what is to be signed cannot be written");
}
