/* What a peer's certificate is, and what it is worth, from what OpenSSL says of it. */
#include <openssl/x509v3.h>

#include "host/internal.h"

enum tls_verdict tls_session_verdict(const SSL *ssl)
{
    if (!SSL_get0_peer_certificate(ssl)) {
        return TLS_NO_CERTIFICATE;
    }
    switch (SSL_get_verify_result(ssl)) {
    case X509_V_OK:
        return TLS_VERIFIED;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return TLS_SELF_SIGNED;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
        return TLS_UNTRUSTED;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TLS_EXPIRED;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return TLS_NAME_MISMATCH;
    case X509_V_ERR_CERT_REVOKED:
        return TLS_REVOKED;
    case X509_V_ERR_DANE_NO_MATCH:
        return TLS_NO_MATCH;
    default:
        return TLS_UNACCEPTABLE;
    }
}

bool tls_session_tlsa(SSL *ssl, struct tlsa *matched)
{
    *matched = (struct tlsa){0};
    return SSL_get_verify_result(ssl) == X509_V_OK &&
           SSL_get0_dane_authority(ssl, NULL, NULL) >= 0 &&
           SSL_get0_dane_tlsa(ssl, &matched->usage, &matched->selector, &matched->matching, NULL,
                              NULL) >= 0;
}

bool tls_peer_has_name(SSL *ssl, struct slice name)
{
    X509 *peer = SSL_get0_peer_certificate(ssl);

    return peer && name.len &&
           X509_check_host(peer, (const char *)name.ptr, name.len,
                           X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                           NULL) == 1;
}

static void add_der(X509 *certificate, struct buf *out)
{
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);

    if (len > 0) {
        buf_add(out, slice_of(der, (size_t)len));
    }
    out->full = out->full || len <= 0;
    OPENSSL_free(der);
}

bool tls_peer_chain(SSL *ssl, struct buf *out)
{
    X509 *peer = SSL_get0_peer_certificate(ssl);
    STACK_OF(X509) *issuers = peer ? SSL_get_peer_cert_chain(ssl) : NULL;
    size_t before = out->len;

    if (!peer) {
        return false;
    }
    add_der(peer, out);
    for (int i = 0; i < sk_X509_num(issuers); i++) {
        X509 *issuer = sk_X509_value(issuers, i);
        if (X509_cmp(issuer, peer) !=
            0) { /* at a client's end the peer's own is in the chain, too */
            add_der(issuer, out);
        }
    }
    if (out->full) {
        out->len = before;
        return false;
    }
    return true;
}

const char *tls_verdict_text(enum tls_verdict v)
{
    switch (v) {
    case TLS_NO_CERTIFICATE:
        return "no-certificate";
    case TLS_VERIFIED:
        return "verified";
    case TLS_SELF_SIGNED:
        return "self-signed";
    case TLS_UNTRUSTED:
        return "untrusted";
    case TLS_EXPIRED:
        return "expired";
    case TLS_NAME_MISMATCH:
        return "name-mismatch";
    case TLS_REVOKED:
        return "revoked";
    case TLS_UNACCEPTABLE:
        return "unacceptable";
    case TLS_NO_MATCH:
        return "no-tlsa-match";
    }
    return "unknown";
}
