#include "host/tlsa.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

bool tlsa_read(struct slice rdata, struct tlsa *out)
{
    if (rdata.len < 3) {
        return false;
    }
    *out = (struct tlsa){
        .usage = rdata.ptr[0],
        .selector = rdata.ptr[1],
        .matching = rdata.ptr[2],
        .data = slice_from(rdata, 3),
    };
    return true;
}

/* Whether the bytes are one certificate or one public key, with nothing behind it. */
static bool is_whole(struct slice data, uint8_t selector)
{
    const unsigned char *at = data.ptr;
    long len = (long)data.len;
    bool read = false;

    if (selector == TLSA_CERTIFICATE) {
        X509 *certificate = d2i_X509(NULL, &at, len);
        read = certificate && X509_get0_pubkey(certificate);
        X509_free(certificate);
    } else {
        EVP_PKEY *key = d2i_PUBKEY(NULL, &at, len);
        read = key != NULL;
        EVP_PKEY_free(key);
    }
    return read && at == data.ptr + data.len;
}

static const char *data_unusable(const struct tlsa *t)
{
    switch (t->matching) {
    case TLSA_EXACT:
        return t->data.len > TLSA_DATA_MAX       ? "too long"
               : is_whole(t->data, t->selector)  ? NULL
               : t->selector == TLSA_CERTIFICATE ? "no certificate in it"
                                                 : "no public key in it";
    case TLSA_SHA256:
        return t->data.len == 32 ? NULL : "no SHA-256 in it";
    case TLSA_SHA512:
        return t->data.len == 64 ? NULL : "no SHA-512 in it";
    default:
        return "unknown matching type";
    }
}

const char *tlsa_unusable(const struct tlsa *t)
{
    if (t->usage == TLSA_PKIX_TA || t->usage == TLSA_PKIX_EE) {
        return "a usage that SMTP does not have";
    }
    if (t->usage > TLSA_DANE_EE) {
        return "unknown usage";
    }
    if (t->selector > TLSA_PUBLIC_KEY) {
        return "unknown selector";
    }
    return data_unusable(t);
}

static struct slice make(uint8_t usage, uint8_t selector, uint8_t matching, struct slice data,
                         struct arena *arena)
{
    uint8_t *bytes = arena_alloc(arena, data.len + 3);

    bytes[0] = usage;
    bytes[1] = selector;
    bytes[2] = matching;
    memcpy(bytes + 3, data.ptr, data.len);
    return slice_of(bytes, data.len + 3);
}

struct slice tlsa_from_key(const uint8_t sha256[static 32], struct arena *arena)
{
    return make(TLSA_DANE_EE, TLSA_PUBLIC_KEY, TLSA_SHA256, slice_of(sha256, 32), arena);
}

size_t tlsa_from_pem(struct slice pem, struct arena *arena, struct slice *records, size_t room)
{
    BIO *bio = pem.len && pem.len < INT_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    X509 *authority = NULL;
    size_t n = 0;
    bool whole = bio != NULL;

    while (whole && (authority = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        uint8_t *der = NULL;
        int len = i2d_X509(authority, &der);
        whole = len > 0 && len <= TLSA_DATA_MAX && n < room;
        if (whole) {
            records[n++] =
                make(TLSA_DANE_TA, TLSA_CERTIFICATE, TLSA_EXACT, slice_of(der, (size_t)len), arena);
        }
        OPENSSL_free(der);
        X509_free(authority);
    }
    /* A certificate that is broken in the middle of the file must not go unseen. */
    whole = whole && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    BIO_free(bio);
    return whole ? n : 0;
}
