/* What a client's session demands of the certificate at the other end. */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "host/address.h"
#include "host/internal.h"

#define NAME_TEXT_MAX 256 /* a DNS name has 253 characters at most */

static bool name_text(struct slice name, char text[static NAME_TEXT_MAX])
{
    if (name.len == 0 || name.len >= NAME_TEXT_MAX || memchr(name.ptr, 0, name.len)) {
        return false;
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = 0;
    return true;
}

static bool expect_others(SSL *ssl, const struct slice *others, size_t n_others)
{
    char text[NAME_TEXT_MAX];
    for (size_t i = 0; i < n_others; i++) {
        if (!name_text(others[i], text) || !SSL_add1_host(ssl, text)) {
            return false;
        }
    }
    return true;
}

/* Names go into SNI and are compared without regard to the certificate's CN (RFC 9525 section
 * 6.3); literal addresses have no SNI (RFC 6066 section 3). */
static bool expect_name(SSL *ssl, struct slice name, bool alone)
{
    char text[NAME_TEXT_MAX];
    struct address literal;
    struct error unused;
    if (!name_text(name, text)) {
        return false;
    }
    SSL_set_hostflags(ssl,
                      X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (address_parse(name, 1, &literal, &unused)) {
        struct slice bytes = address_bytes(&literal);
        return !alone || X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), bytes.ptr, bytes.len);
    }
    return SSL_set_tlsext_host_name(ssl, text) && SSL_set1_host(ssl, text);
}

/* The records were judged usable; one that OpenSSL cannot take is left out, and without any nothing would be
 * authenticated: then there is no session. */
static bool expect_tlsa(SSL *ssl, const struct tls_expected *expected)
{
    char text[NAME_TEXT_MAX];
    struct address literal;
    struct error unused;
    bool is_address = address_parse(expected->name, 1, &literal, &unused);
    size_t taken = 0;

    if (!name_text(expected->name, text) || SSL_dane_enable(ssl, is_address ? NULL : text) <= 0) {
        return false;
    }
    for (size_t i = 0; i < expected->n_tlsa && i < TLSA_RECORDS_MAX; i++) {
        struct tlsa t = {0};
        taken +=
            tlsa_read(expected->tlsa[i], &t) &&
            SSL_dane_tlsa_add(ssl, t.usage, t.selector, t.matching, t.data.ptr, t.data.len) > 0;
    }
    ERR_clear_error();
    return taken > 0;
}

/* A key that is named by itself needs no name (RFC 7672 section 3.1.1). */
static bool names_count(const struct tls_expected *expected)
{
    bool keys_alone = expected->n_tlsa > 0;

    for (size_t i = 0; i < expected->n_tlsa; i++) {
        struct tlsa t = {0};
        keys_alone = keys_alone && tlsa_read(expected->tlsa[i], &t) && t.usage == TLSA_DANE_EE;
    }
    return !keys_alone;
}

bool tls_expect(SSL *ssl, const struct tls_expected *expected)
{
    return expect_name(ssl, expected->name, expected->n_others == 0) &&
           (expected->n_tlsa == 0 || expect_tlsa(ssl, expected)) &&
           (!expected->sni_alone ||
            ((expected->n_others > 0 || !names_count(expected)) && SSL_set1_host(ssl, NULL))) &&
           expect_others(ssl, expected->others, expected->n_others);
}
