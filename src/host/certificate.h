/* host/certificate - what a certificate that a client showed in its handshake is worth, judged elsewhere than where TLS ran.
 *
 * Whether the client has the certificate's key is not to be seen here: the handshake proves that, and whoever ran it says so. The chain
 * is what a stranger sent: bounded, and every byte of it is read. RFC 5280; any thread. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

#include "host/tls.h"

#define CERTIFICATE_CHAIN_MAX 16384 /* bytes */
#define CERTIFICATES_MAX      8     /* of a chain, the client's own included */

enum certificate_worth {
    CERTIFICATE_GOOD,
    CERTIFICATE_UNREADABLE, /* no chain of certificates, or a longer one */
    CERTIFICATE_WEAK,       /* its key, or the hash of a signature: less than 112 bits */
    CERTIFICATE_NO_CLIENTS, /* it is not for clients (key usage, extended key usage) */
    CERTIFICATE_NOT_NOW,    /* expired, or not yet valid */
    CERTIFICATE_UNTRUSTED,  /* none of the anchors issued it */
};

/* Write SHA-256 of the SubjectPublicKeyInfo of the chain's first; false when it is CERTIFICATE_UNREADABLE. No signature is looked
 * at: that is for who may try at all. */
bool certificate_pin(struct slice chain, uint8_t pin[static TLS_DIGEST_LEN]) MUST_CHECK;

/**
 * Judge a chain.
 *
 * @param chain    DER, one certificate behind the other, the client's own first
 * @param anchors  PEM of who must have issued it; empty: nobody must, and its issuer is not looked at. They
 *                 are kept as they were parsed until others are given
 * @param now_s    seconds since 1970
 * @param pin      SHA-256 of the SubjectPublicKeyInfo; written unless it is CERTIFICATE_UNREADABLE
 */
enum certificate_worth certificate_judge(struct slice chain, struct slice anchors, int64_t now_s,
                                         uint8_t pin[static TLS_DIGEST_LEN]) MUST_CHECK;

/* "it has expired or is not valid yet": for a record, or a person. */
const char *certificate_worth_text(enum certificate_worth worth);
