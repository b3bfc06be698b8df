#include "tests/certificates.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

#define DAY_SECONDS (24L * 60 * 60)

static void must(bool ok, const char *what)
{
    if (!ok) {
        arena_panic(what);
    }
}

static void extend(X509 *x509, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension && X509_add_ext(x509, extension, -1), "extension");
    X509_EXTENSION_free(extension);
}

static void fill(X509 *x509, const struct certificate *issuer, EVP_PKEY *key, const char *name,
                 int from_days, int to_days)
{
    static long serial;
    char alternative[300];
    X509_NAME *subject = X509_get_subject_name(x509);
    const char *common = name ? name : "Test CA";
    must(X509_set_version(x509, X509_VERSION_3) &&
             ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial) &&
             X509_gmtime_adj(X509_getm_notBefore(x509), from_days * DAY_SECONDS) &&
             X509_gmtime_adj(X509_getm_notAfter(x509), to_days * DAY_SECONDS) &&
             X509_set_pubkey(x509, key) &&
             X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)common, -1,
                                        -1, 0) &&
             X509_set_issuer_name(x509, issuer ? X509_get_subject_name(issuer->x509) : subject),
         "certificate");
    X509 *by = issuer ? issuer->x509 : x509;
    extend(x509, by, NID_basic_constraints, name ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (name) {
        (void)snprintf(alternative, sizeof(alternative), "DNS:%s", name);
        extend(x509, by, NID_subject_alt_name, alternative);
    }
    must(X509_sign(x509, issuer ? issuer->key : key, EVP_sha256()) > 0, "sign certificate");
}

static void to_pem(char *out, size_t size, const X509 *x509, const EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    must(bio && (x509 ? PEM_write_bio_X509(bio, x509)
                      : PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)),
         "pem");
    int n = BIO_read(bio, out, (int)size - 1);
    must(n > 0, "pem");
    out[n] = 0;
    BIO_free(bio);
}

void certificate_make(struct certificate *c, const struct certificate *issuer, const char *kind,
                      const char *name, int from_days, int to_days)
{
    c->key = strcmp(kind, "RSA") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen(kind);
    c->x509 = X509_new();
    must(c->key && c->x509, "key");
    fill(c->x509, issuer, c->key, name, from_days, to_days);
    to_pem(c->pem, sizeof(c->pem), c->x509, NULL);
    to_pem(c->key_pem, sizeof(c->key_pem), NULL, c->key);
    if (issuer && X509_NAME_cmp(X509_get_issuer_name(issuer->x509),
                                X509_get_subject_name(issuer->x509)) != 0) {
        size_t len = strlen(c->pem);
        (void)snprintf(c->pem + len, sizeof(c->pem) - len, "%s", issuer->pem);
    }
    struct error e;
    const char *unused;
    must(tls_key_id(slice_text(c->pem), c->key_id, &unused, &e), "key id");
}

void certificate_done(struct certificate *c)
{
    X509_free(c->x509);
    EVP_PKEY_free(c->key);
}

bool certificate_sign(void *keys, const struct tls_sign_request *r, struct buf *signature,
                      struct error *e)
{
    const struct certificate_keys *all = keys;
    EVP_PKEY *key = NULL;
    for (size_t i = 0; i < all->count; i++) {
        if (memcmp(all->certificates[i]->key_id, r->key_id, TLS_DIGEST_LEN) == 0) {
            key = all->certificates[i]->key;
        }
    }
    const EVP_MD *digest = r->digest.len == 32   ? EVP_sha256()
                           : r->digest.len == 48 ? EVP_sha384()
                                                 : EVP_sha512();
    EVP_PKEY_CTX *context = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    size_t len = TLS_SIGNATURE_MAX;
    uint8_t *room = buf_room(signature, len);
    bool ok = context && room && EVP_PKEY_sign_init(context) > 0 &&
              EVP_PKEY_CTX_set_signature_md(context, digest) > 0;
    if (ok && r->scheme == TLS_RSA_PSS) {
        ok = EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0;
    }
    ok = ok && EVP_PKEY_sign(context, room, &len, r->digest.ptr, r->digest.len) > 0;
    EVP_PKEY_CTX_free(context);
    if (!ok) {
        return error_set(e, ERROR_DENIED, "no such key");
    }
    signature->len += len;
    return true;
}
