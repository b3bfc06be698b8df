/* SignedData (RFC 5652 section 5) of a signature that somebody else makes: OpenSSL would want the private key. */
#include "formats/cms/der.h"
#include "formats/smime/signed.h"

#define SIGNED_MAX ((size_t)64 << 10)

/* Object identifiers, encoded. */
#define PKCS7 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07

static const uint8_t oid_data[] = {PKCS7, 1};
static const uint8_t oid_signed_data[] = {PKCS7, 2};
static const uint8_t oid_sha256[] = {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 1};
static const uint8_t oid_rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 1};
static const uint8_t oid_ecdsa_sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 2};

/* Buffers for what is built from the inside out. */
struct layers {
    struct buf one, two, three;
};

static void init(struct layers *l)
{
    buf_init(&l->one, SIGNED_MAX);
    buf_init(&l->two, SIGNED_MAX);
    buf_init(&l->three, SIGNED_MAX);
}

static void own_layers(struct layers *l)
{
    buf_done(&l->one);
    buf_done(&l->two);
    buf_done(&l->three);
}

bool smime_sha256(struct slice s, uint8_t digest[static SMIME_DIGEST_LEN])
{
    return EVP_Digest(s.ptr, s.len, digest, NULL, EVP_sha256(), NULL) == 1;
}

/* Append AlgorithmIdentifier. */
static void put_algorithm(struct buf *out, struct slice oid, bool null, struct buf *scratch)
{
    der_put(scratch, DER_OBJECT, oid);
    if (null) {
        der_put(scratch, DER_NULL, SLICE_NONE);
    }
    der_wrap(out, DER_SEQUENCE, scratch);
}

/* ── SignedData ── */

static bool put_name(struct buf *out, const X509 *c)
{
    const X509_NAME *issuer = X509_get_issuer_name(c);
    const ASN1_INTEGER *serial = X509_get0_serialNumber(c);
    int name_len = i2d_X509_NAME(issuer, NULL);
    int serial_len = i2d_ASN1_INTEGER(serial, NULL);
    uint8_t *at = name_len > 0 && serial_len > 0
                      ? buf_room(out, (size_t)name_len + (size_t)serial_len)
                      : NULL;

    if (!at || i2d_X509_NAME(issuer, &at) != name_len ||
        i2d_ASN1_INTEGER(serial, &at) != serial_len) {
        return false;
    }
    out->len += (size_t)name_len + (size_t)serial_len;
    return true;
}

/* SignerInfo, into l->three. */
static bool put_signer(struct layers *l, X509 *signer, struct slice attributes,
                       struct slice signature)
{
    bool rsa = EVP_PKEY_is_a(X509_get0_pubkey(signer), "RSA");

    der_put(&l->two, DER_INTEGER, SLICE("\x01"));
    if (!put_name(&l->one, signer)) {
        return false;
    }
    der_wrap(&l->two, DER_SEQUENCE, &l->one);
    put_algorithm(&l->two, SLICE_ARRAY(oid_sha256), false, &l->one);
    /* the same bytes as were signed, but for their tag */
    struct slice inside = slice_from(attributes, 1);
    buf_add_byte(&l->two, DER_EXPLICIT(0));
    buf_add(&l->two, inside);
    put_algorithm(&l->two, rsa ? SLICE_ARRAY(oid_rsa) : SLICE_ARRAY(oid_ecdsa_sha256), rsa,
                  &l->one);
    der_put(&l->two, DER_OCTETS, signature);
    der_wrap(&l->three, DER_SEQUENCE, &l->two);
    return true;
}

bool smime_signed_data(X509 *signer, struct slice chain, struct slice attributes,
                       struct slice signature, struct buf *out)
{
    __attribute__((cleanup(own_layers))) struct layers l;

    init(&l);
    if (!put_signer(&l, signer, attributes, signature)) {
        return false;
    }
    OWN(buf) struct buf signers = {.max = SIGNED_MAX};
    der_wrap(&signers, DER_SET, &l.three);
    der_put(&l.three, DER_INTEGER, SLICE("\x01")); /* version */
    put_algorithm(&l.two, SLICE_ARRAY(oid_sha256), false, &l.one);
    der_wrap(&l.three, DER_SET, &l.two);
    der_put(&l.one, DER_OBJECT, SLICE_ARRAY(oid_data)); /* detached */
    der_wrap(&l.three, DER_SEQUENCE, &l.one);
    der_put(&l.three, DER_EXPLICIT(0), chain);
    buf_add(&l.three, buf_slice(&signers));
    der_wrap(&l.two, DER_SEQUENCE, &l.three);
    der_put(&l.one, DER_OBJECT, SLICE_ARRAY(oid_signed_data));
    der_wrap(&l.one, DER_EXPLICIT(0), &l.two);
    der_wrap(out, DER_SEQUENCE, &l.one);
    return !out->full && !l.one.full && !signers.full;
}

bool smime_signature_is(X509 *signer, struct slice attributes, struct slice signature)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(signer), NULL);
    uint8_t digest[SMIME_DIGEST_LEN];

    bool good = ctx && smime_sha256(attributes, digest) && EVP_PKEY_verify_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
                EVP_PKEY_verify(ctx, signature.ptr, signature.len, digest, sizeof(digest)) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}
