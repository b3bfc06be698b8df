/* What binds an authentication to the TLS connection that it runs in: RFC 5929 section 4 and RFC 9266. */
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "host/internal.h"

#define LABEL "EXPORTER-Channel-Binding"

/* The hash that the certificate is signed with, and SHA-256 in the place of a weaker one; none where the signature has no
 * such hash. */
static const EVP_MD *hash_of(X509 *certificate)
{
    int hash = NID_undef;

    if (!X509_get_signature_info(certificate, &hash, NULL, NULL, NULL) || hash == NID_undef) {
        return NULL;
    }
    return hash == NID_md5 || hash == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(hash);
}

bool tls_end_point(struct slice chain, uint8_t out[static TLS_END_POINT_MAX], size_t *len,
                   struct error *e)
{
    OWN(bio) BIO *bio = BIO_new_mem_buf(chain.ptr, chain.len <= INT32_MAX ? (int)chain.len : 0);
    OWN(x509) X509 *leaf = bio ? PEM_read_bio_X509(bio, NULL, NULL, (void *)(uintptr_t) "") : NULL;
    const EVP_MD *md = leaf ? hash_of(leaf) : NULL;
    unsigned int made = 0;

    if (!md || (size_t)EVP_MD_get_size(md) > TLS_END_POINT_MAX ||
        !X509_digest(leaf, md, out, &made)) {
        return tls_error(e, ERROR_CONFIG, "the certificate has no tls-server-end-point");
    }
    *len = made;
    return true;
}

bool tls_exporter(SSL *ssl, uint8_t out[static TLS_EXPORTER_LEN])
{
    /* Before TLS 1.3 it would need the extended master secret, and programs disagree about the context. */
    return SSL_version(ssl) == TLS1_3_VERSION &&
           SSL_export_keying_material(ssl, out, TLS_EXPORTER_LEN, LABEL, sizeof(LABEL) - 1, NULL, 0,
                                      0) == 1;
}
