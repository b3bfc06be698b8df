#include "formats/stamp/stamp.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ts.h>
#include <string.h>
#include <time.h>

#include "base/own.h"

#define VERSION 1

OWN_BY(request, TS_REQ, TS_REQ_free)
OWN_BY(imprint, TS_MSG_IMPRINT, TS_MSG_IMPRINT_free)
OWN_BY(algorithm, X509_ALGOR, X509_ALGOR_free)
OWN_BY(number, BIGNUM, BN_free)
OWN_BY(integer, ASN1_INTEGER, ASN1_INTEGER_free)
OWN_BY(response, TS_RESP, TS_RESP_free)
OWN_BY(check, TS_VERIFY_CTX, TS_VERIFY_CTX_free)
OWN_BY(store, X509_STORE, X509_STORE_free)
OWN_BY(bio, BIO, BIO_vfree)
OWN_BY(certificate, X509, X509_free)

void stamp_init(void)
{
    (void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
                                  OPENSSL_INIT_ADD_ALL_DIGESTS,
                              NULL);
}

static bool set_imprint(TS_REQ *r, const uint8_t *digest)
{
    OWN(imprint) TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
    OWN(algorithm) X509_ALGOR *algorithm = X509_ALGOR_new();
    uint8_t copy[STAMP_DIGEST_LEN];

    (void)memcpy(copy, digest, sizeof(copy));
    return imprint && algorithm &&
           X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_sha256), V_ASN1_NULL, NULL) == 1 &&
           TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
           TS_MSG_IMPRINT_set_msg(imprint, copy, sizeof(copy)) == 1 &&
           TS_REQ_set_msg_imprint(r, imprint) == 1;
}

static bool set_nonce(TS_REQ *r, const uint8_t *nonce)
{
    OWN(number) BIGNUM *n = BN_bin2bn(nonce, STAMP_NONCE_LEN, NULL);
    OWN(integer) ASN1_INTEGER *i = n ? BN_to_ASN1_INTEGER(n, NULL) : NULL;

    return i && TS_REQ_set_nonce(r, i) == 1;
}

static TS_REQ *make_request(const uint8_t *digest, const uint8_t *nonce)
{
    OWN(request) TS_REQ *r = TS_REQ_new();

    if (!r || TS_REQ_set_version(r, VERSION) != 1 || !set_imprint(r, digest) ||
        !set_nonce(r, nonce) || TS_REQ_set_cert_req(r, 1) != 1) {
        return NULL;
    }
    return TAKE(r, NULL);
}

bool stamp_request(const uint8_t digest[static STAMP_DIGEST_LEN],
                   const uint8_t nonce[static STAMP_NONCE_LEN], struct buf *out, struct error *e)
{
    OWN(request) TS_REQ *r = make_request(digest, nonce);
    int len = r ? i2d_TS_REQ(r, NULL) : 0;
    uint8_t *room = len > 0 ? buf_room(out, (size_t)len) : NULL;

    if (!room || i2d_TS_REQ(r, &room) != len) {
        return error_set(e, ERROR_LIMIT, "a time stamp request cannot be made");
    }
    out->len += (size_t)len;
    return true;
}

static bool add_certificates(X509_STORE *store, struct slice pem, struct error *e)
{
    OWN(bio) BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    size_t n = 0;

    for (;;) {
        OWN(certificate) X509 *one = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
        if (!one) {
            break;
        }
        n += X509_STORE_add_cert(store, one) == 1;
    }
    ERR_clear_error(); /* of the end of the file */
    return n > 0 || error_set(e, ERROR_CONFIG, "the trusted authorities are no certificates");
}

static TS_VERIFY_CTX *make_check(TS_REQ *request, struct slice trust, struct error *e)
{
    OWN(check) TS_VERIFY_CTX *check = TS_REQ_to_TS_VERIFY_CTX(request, NULL);
    OWN(store) X509_STORE *store = X509_STORE_new();

    if (!check || !store) {
        (void)error_set(e, ERROR_BUSY, "no memory to verify a time stamp");
        return NULL;
    }
    if (trust.len > STAMP_TRUST_MAX || !add_certificates(store, trust, e)) {
        return NULL;
    }
    (void)TS_VERIFY_CTX_add_flags(check, TS_VFY_SIGNATURE);
    (void)TS_VERIFY_CTX_set_store(check, TAKE(store, NULL)); /* takes it over */
    return TAKE(check, NULL);
}

static bool refuse(const char *what, struct error *e)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());

    (void)error_set(e, ERROR_DENIED, "%s%s%s", what, why ? ": " : "", why ? why : "");
    ERR_clear_error();
    return false;
}

static bool take_time(TS_TST_INFO *info, int64_t *time_ms)
{
    struct tm when;
    const ASN1_GENERALIZEDTIME *time = info ? TS_TST_INFO_get_time(info) : NULL;

    if (!time || ASN1_TIME_to_tm(time, &when) != 1) {
        return false;
    }
    *time_ms = (int64_t)timegm(&when) * 1000;
    return *time_ms > 0;
}

static bool take_token(TS_RESP *response, struct arena *arena, struct slice *token)
{
    PKCS7 *p = TS_RESP_get_token(response);
    int len = p ? i2d_PKCS7(p, NULL) : 0;

    if (len <= 0 || (size_t)len > STAMP_RESPONSE_MAX) {
        return false;
    }
    uint8_t *bytes = arena_alloc(arena, (size_t)len);
    uint8_t *end = bytes;
    *token = slice_of(bytes, (size_t)len);
    return i2d_PKCS7(p, &end) == len;
}

bool stamp_verify(struct slice response, const uint8_t digest[static STAMP_DIGEST_LEN],
                  const uint8_t nonce[static STAMP_NONCE_LEN], struct slice trust,
                  struct arena *arena, struct stamp *out, struct error *e)
{
    const uint8_t *at = response.ptr;
    struct stamp s = {0};

    ERR_clear_error();
    if (response.len == 0 || response.len > STAMP_RESPONSE_MAX) {
        return error_set(e, ERROR_DENIED, "this is no time stamp response");
    }
    OWN(response) TS_RESP *r = d2i_TS_RESP(NULL, &at, (long)response.len);
    if (!r || at != response.ptr + response.len) {
        return refuse("this is no time stamp response", e);
    }
    OWN(request) TS_REQ *request = make_request(digest, nonce);
    OWN(check) TS_VERIFY_CTX *check = request ? make_check(request, trust, e) : NULL;
    if (!check) {
        return request ? false : error_set(e, ERROR_BUSY, "no memory to verify a time stamp");
    }
    if (TS_RESP_verify_response(check, r) != 1) {
        return refuse("the time stamp proves nothing", e);
    }
    if (!take_time(TS_RESP_get_tst_info(r), &s.time_ms) || !take_token(r, arena, &s.token)) {
        return refuse("the time stamp cannot be read", e);
    }
    *out = s;
    return true;
}
