/* tests/certificates - keys and certificates for tests, made on the spot.
 *
 * Failures end the test. For one thread; certificate_sign() for any number. */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "host/tls.h"

struct certificate {
    EVP_PKEY *key;
    X509 *x509;
    char pem[4096]; /* the certificate, then its issuers but for the self-signed one */
    char key_pem[4096];
    uint8_t key_id[TLS_DIGEST_LEN];
};

/**
 * Make a key and a certificate for it.
 *
 * @param issuer     who signs it; NULL: itself
 * @param kind       "P-256", "P-384" or "RSA" (2048 bits)
 * @param name       DNS name, both CN and subject alternative name; NULL: a CA
 * @param from_days  validity relative to now, e.g. -1
 * @param to_days    e.g. 30
 */
void certificate_make(struct certificate *c, const struct certificate *issuer, const char *kind,
                      const char *name, int from_days, int to_days);

void certificate_done(struct certificate *c);

/* What certificate_sign() chooses from. */
struct certificate_keys {
    const struct certificate *const *certificates;
    size_t count;
};

/* A tls_sign that does in this process what the signer does in its own; the context is a struct
 * certificate_keys. */
bool certificate_sign(void *keys, const struct tls_sign_request *r, struct buf *signature,
                      struct error *e);
