#include "host/certificate.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#include "base/arena.h"
#include "base/buf.h"

#include "host/internal.h"

#define AUTH_LEVEL   2 /* of OpenSSL: 112 bits of security */
#define SECURITY_MIN 112
#define ANCHORS_MAX  ((size_t)16 << 20) /* more than a file that is handed over has */

OWN_BY(x509_store, X509_STORE, X509_STORE_free)
OWN_BY(x509_store_ctx, X509_STORE_CTX, X509_STORE_CTX_free)

static void free_chain(STACK_OF(X509) * chain)
{
    sk_X509_pop_free(chain, X509_free);
}
OWN_BY(x509_chain, STACK_OF(X509), free_chain)

/* NULL when it is none. */
static STACK_OF(X509) * read_chain(struct slice der)
{
    OWN(x509_chain) STACK_OF(X509) *chain = sk_X509_new_null();
    const unsigned char *at = der.ptr;
    const unsigned char *end = der.ptr + der.len;

    if (!chain) {
        arena_panic("out of memory");
    }
    if (der.len == 0 || der.len > CERTIFICATE_CHAIN_MAX) {
        return NULL;
    }
    while (at < end) {
        OWN(x509) X509 *next = d2i_X509(NULL, &at, end - at);
        if (!next || sk_X509_num(chain) == CERTIFICATES_MAX) {
            return NULL;
        }
        if (!sk_X509_push(chain, next)) {
            arena_panic("out of memory");
        }
        next = NULL; /* the chain's */
    }
    return TAKE(chain, NULL);
}

static bool is_valid_at(const X509 *own, int64_t now_s)
{
    time_t now = (time_t)now_s;

    return X509_cmp_time(X509_get0_notBefore(own), &now) < 0 &&
           X509_cmp_time(X509_get0_notAfter(own), &now) > 0;
}

static enum certificate_worth judge_own(X509 *own, int64_t now_s)
{
    const EVP_PKEY *key = X509_get0_pubkey(own);

    if (EVP_PKEY_get_security_bits(key) < SECURITY_MIN) {
        return CERTIFICATE_WEAK;
    }
    if (X509_check_purpose(own, X509_PURPOSE_SSL_CLIENT, 0) != 1) {
        return CERTIFICATE_NO_CLIENTS;
    }
    return is_valid_at(own, now_s) ? CERTIFICATE_GOOD : CERTIFICATE_NOT_NOW;
}

static enum certificate_worth worth_of(int why)
{
    switch (why) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return CERTIFICATE_NOT_NOW;
    case X509_V_ERR_INVALID_PURPOSE:
        return CERTIFICATE_NO_CLIENTS;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return CERTIFICATE_WEAK;
    default:
        return CERTIFICATE_UNTRUSTED;
    }
}

/* The anchors as they were parsed last: they change with the settings alone. */
static struct {
    pthread_mutex_t lock; /* guards the others */
    struct buf pem;
    X509_STORE *store; /* NULL: none yet */
} last = {.lock = PTHREAD_MUTEX_INITIALIZER, .pem = {.max = ANCHORS_MAX}};

static void parse_anchors(struct slice anchors)
{
    OWN(x509_store) X509_STORE *store = X509_STORE_new();
    struct error e;

    if (!store) {
        arena_panic("out of memory");
    }
    if (!tls_add_anchors(store, anchors, &e)) {
        return;
    }
    X509_STORE_free(last.store);
    last.store = TAKE(store, NULL);
    last.pem.len = 0;
    buf_add(&last.pem, anchors);
}

/* NULL when they cannot be read; the caller's to free. */
static X509_STORE *store_of(struct slice anchors)
{
    X509_STORE *store = NULL;

    (void)pthread_mutex_lock(&last.lock);
    if (!last.store || !slice_equal(buf_slice(&last.pem), anchors)) {
        parse_anchors(anchors);
    }
    if (last.store && slice_equal(buf_slice(&last.pem), anchors) && X509_STORE_up_ref(last.store)) {
        store = last.store;
    }
    (void)pthread_mutex_unlock(&last.lock);
    return store;
}

/* Anchors that cannot be read have issued nothing. */
static enum certificate_worth judge_issuer(STACK_OF(X509) * chain, struct slice anchors,
                                           int64_t now_s)
{
    OWN(x509_store) X509_STORE *store = store_of(anchors);
    OWN(x509_store_ctx) X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    if (!ctx) {
        arena_panic("out of memory");
    }
    if (!store || !X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain)) {
        return CERTIFICATE_UNTRUSTED;
    }
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    (void)X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT);
    X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
    X509_VERIFY_PARAM_set_depth(param, CERTIFICATES_MAX);
    X509_VERIFY_PARAM_set_time(param, (time_t)now_s);
    bool verified = X509_verify_cert(ctx) == 1;
    return verified ? CERTIFICATE_GOOD : worth_of(X509_STORE_CTX_get_error(ctx));
}

static bool pin_of(X509 *own, uint8_t pin[static TLS_DIGEST_LEN])
{
    struct error e;

    return own && X509_get0_pubkey(own) && tls_key_hash(X509_get0_pubkey(own), pin, &e);
}

bool certificate_pin(struct slice chain, uint8_t pin[static TLS_DIGEST_LEN])
{
    OWN(x509_chain) STACK_OF(X509) *read = read_chain(chain);
    bool pinned = pin_of(read ? sk_X509_value(read, 0) : NULL, pin);

    ERR_clear_error();
    return pinned;
}

enum certificate_worth certificate_judge(struct slice chain, struct slice anchors, int64_t now_s,
                                         uint8_t pin[static TLS_DIGEST_LEN])
{
    OWN(x509_chain) STACK_OF(X509) *read = read_chain(chain);
    X509 *own = read ? sk_X509_value(read, 0) : NULL;

    if (!pin_of(own, pin)) {
        ERR_clear_error();
        return CERTIFICATE_UNREADABLE;
    }
    enum certificate_worth worth = judge_own(own, now_s);
    if (worth == CERTIFICATE_GOOD && anchors.len) {
        worth = judge_issuer(read, anchors, now_s);
    }
    ERR_clear_error();
    return worth;
}

const char *certificate_worth_text(enum certificate_worth worth)
{
    switch (worth) {
    case CERTIFICATE_GOOD:
        return "it is good";
    case CERTIFICATE_UNREADABLE:
        return "it cannot be read";
    case CERTIFICATE_WEAK:
        return "its key or a signature is too weak";
    case CERTIFICATE_NO_CLIENTS:
        return "it is not for clients";
    case CERTIFICATE_NOT_NOW:
        return "it has expired or is not valid yet";
    case CERTIFICATE_UNTRUSTED:
        return "nobody in device-ca issued it";
    }
    return "unknown";
}
