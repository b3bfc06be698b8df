/* What a peer's certificate is worth, from what OpenSSL says of it. */
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
