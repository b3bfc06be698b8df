#include "host/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/arena.h"

#include "host/address.h"
#include "host/internal.h"

#define CHAIN_MAX        ((size_t)64 * 1024)        /* bytes of PEM */
#define TRUST_MAX        ((size_t)16 * 1024 * 1024) /* Debian's bundle has 220 KB */
#define CLIENT_CHAIN_MAX 32768                      /* bytes that a client may show */

#define GROUPS "X25519:P-256:P-384"

/* AEAD with forward secrecy (RFC 9325 section 4.2). The names of TLS 1.3 are OpenSSL's default. */
#define SERVER_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
#define SERVER_SIGNATURES                                                                          \
    "ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"                      \
    "RSA+SHA256:RSA+SHA384:RSA+SHA512"

/* A server of the outside world that has nothing better still gets encryption: the CBC suites
 * stand last, and the ledger says which one was used. */
#define CLIENT_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:DHE+AES:!aNULL:!SHA1:!DSS"

struct tls_server {
    SSL_CTX *ctx;
    struct tickets *tickets;
    atomic_uint refs;
};

struct tls_client {
    SSL_CTX *ctx;
    atomic_uint refs;
};

bool tls_error(struct error *e, enum error_kind kind, const char *format, ...)
{
    char context[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(context, sizeof(context), format, arguments);
    va_end(arguments);

    const char *data = NULL;
    int flags = 0;
    unsigned long code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    if (code && (flags & ERR_TXT_STRING) && data && data[0]) {
        reason = data;
    }
    error_set(e, kind, "%s: %s", context, reason ? reason : "no reason given");
    ERR_clear_error();
    return false;
}

bool tls_key_hash(const EVP_PKEY *key, uint8_t id[static TLS_DIGEST_LEN], struct error *e)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, id, NULL, EVP_sha256(), NULL);
    OPENSSL_free(der);
    return ok ? true : tls_error(e, ERROR_CONFIG, "public key");
}

/* An empty password, so that OpenSSL never asks at a terminal. */
static int no_password(char *buffer, int size, int writing, void *unused)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)unused;
    return 0;
}

static X509 *next_certificate(BIO *pem)
{
    X509 *made = X509_new_ex(remote_key_library(), REMOTE_KEY_ELSEWHERE);
    if (made && !PEM_read_bio_X509(pem, &made, no_password, NULL)) {
        X509_free(made);
        return NULL;
    }
    return made;
}

/* Whether reading stopped because there was nothing more, rather than something broken. */
static bool at_end_of_pem(void)
{
    unsigned long code = ERR_peek_last_error();
    bool end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return end;
}

static BIO *open_pem(struct slice pem, size_t max, struct error *e)
{
    BIO *bio = pem.len == 0 || pem.len > max ? NULL : BIO_new_mem_buf(pem.ptr, (int)pem.len);
    if (!bio) {
        error_set(e, ERROR_CONFIG, "PEM of %zu bytes: expected 1 to %zu", pem.len, max);
    }
    return bio;
}

bool tls_key_id(struct slice pem, uint8_t id[static TLS_DIGEST_LEN], const char **kind,
                struct error *e)
{
    OWN(bio) BIO *bio = open_pem(pem, CHAIN_MAX, e);
    if (!bio) {
        return false;
    }
    OWN(x509) X509 *leaf = next_certificate(bio);
    EVP_PKEY *key = leaf ? X509_get0_pubkey(leaf) : NULL;
    if (!key) {
        return tls_error(e, ERROR_CONFIG, "certificate");
    }
    if (!tls_key_hash(key, id, e)) {
        return false;
    }
    *kind = EVP_PKEY_is_a(key, "RSA") ? "rsa" : "ec";
    return true;
}

/* Both ends */

static SSL_CTX *context_new(const SSL_METHOD *method, const char *ciphers, struct error *e)
{
    char groups[] = GROUPS; /* OpenSSL's macro casts const away */
    OWN(ssl_ctx)
    SSL_CTX *ctx = SSL_CTX_new_ex(remote_key_library(), REMOTE_KEY_ELSEWHERE, method);
    if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
        !SSL_CTX_set_cipher_list(ctx, ciphers) || !SSL_CTX_set1_groups_list(ctx, groups)) {
        tls_error(e, ERROR_CONFIG, "TLS settings");
        return NULL;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(ctx, 1); /* one recv(2) a record instead of two */
    return TAKE(ctx, NULL);
}

bool tls_add_anchors(X509_STORE *store, struct slice pem, struct error *e)
{
    OWN(bio) BIO *bio = open_pem(pem, TRUST_MAX, e);
    size_t count = 0;

    if (!bio) {
        return false;
    }
    for (;;) {
        OWN(x509) X509 *anchor = next_certificate(bio);
        if (!anchor) {
            break;
        }
        if (!X509_STORE_add_cert(store, anchor)) {
            return tls_error(e, ERROR_CONFIG, "trust anchor %zu", count + 1);
        }
        count++;
    }
    if (!at_end_of_pem() || count == 0) {
        return error_set(e, ERROR_CONFIG, "trust anchors: certificate %zu cannot be read",
                         count + 1);
    }
    /* Whoever lists a peer's own or an intermediate certificate means to trust that one. */
    (void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    return true;
}

/* Server */

/* The verdict is read from the session; a handshake does not fail by it. Who shows a certificate shows it, and proves that it
 * is his, on every connection: he gets no ticket (RFC 8446 section 4.6.1 leaves that to us; tickets.c sees to TLS 1.2). */
static int accept_any(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

    (void)ok;
    if (ssl) {
        (void)SSL_set_num_tickets(ssl, 0);
    }
    return 1;
}

/* The names of the authorities are not sent: there may be hundreds, and clients that have one certificate show it. */
static bool ask_clients(SSL_CTX *ctx, struct slice anchors, struct error *e)
{
    static const unsigned char here[] = "postern"; /* RFC 5246 leaves it to us; OpenSSL wants one */

    if (anchors.len && !tls_add_anchors(SSL_CTX_get_cert_store(ctx), anchors, e)) {
        return error_add(e, "of clients");
    }
    if (!SSL_CTX_set_purpose(ctx, X509_PURPOSE_ANY) ||
        !SSL_CTX_set_session_id_context(ctx, here, sizeof(here) - 1)) {
        return tls_error(e, ERROR_CONFIG, "TLS settings");
    }
    SSL_CTX_set_max_cert_list(ctx, CLIENT_CHAIN_MAX);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, accept_any);
    return true;
}

static bool use_chain(SSL_CTX *ctx, struct slice pem, const struct tls_server_options *o,
                      struct error *e)
{
    struct remote_signer signer = {.sign = o->sign, .context = o->sign_context};
    OWN(bio) BIO *bio = open_pem(pem, CHAIN_MAX, e);
    if (!bio) {
        return false;
    }
    OWN(x509) X509 *leaf = next_certificate(bio);
    EVP_PKEY *public = leaf ? X509_get0_pubkey(leaf) : NULL;
    if (!public) {
        return tls_error(e, ERROR_CONFIG, "first certificate");
    }
    OWN(pkey) EVP_PKEY *key = NULL;
    if (!tls_key_hash(public, signer.key_id, e) || !(key = remote_key_new(public, &signer, e))) {
        return false;
    }
    X509 *issuer;
    STACK_OF(X509) *chain = sk_X509_new_null();
    while (chain && (issuer = next_certificate(bio)) && sk_X509_push(chain, issuer) > 0) {
    }
    bool ok = at_end_of_pem();
    if (!ok) {
        error_set(e, ERROR_CONFIG, "an issuer's certificate cannot be read");
    } else if (!SSL_CTX_use_cert_and_key(ctx, leaf, key, chain, 0)) {
        ok = ERR_GET_REASON(ERR_peek_error()) == SSL_R_NOT_REPLACING_CERTIFICATE
                 ? tls_error(e, ERROR_CONFIG, "two certificates of one kind")
                 : tls_error(e, ERROR_CONFIG, "certificate");
    }
    sk_X509_pop_free(chain, X509_free);
    return ok;
}

struct tls_server *tls_server_new(const struct tls_server_options *o, struct error *e)
{
    char signatures[] = SERVER_SIGNATURES;
    OWN(ssl_ctx) SSL_CTX *ctx = context_new(TLS_server_method(), SERVER_CIPHERS, e);
    if (!ctx) {
        return NULL;
    }
    if (o->n_chains == 0) {
        error_set(e, ERROR_CONFIG, "a TLS server needs a certificate");
        return NULL;
    }
    for (size_t i = 0; i < o->n_chains; i++) {
        if (!use_chain(ctx, o->chains[i], o, e)) {
            error_add(e, "certificate chain %zu", i + 1);
            return NULL;
        }
    }
    if (!SSL_CTX_set1_sigalgs_list(ctx, signatures)) {
        tls_error(e, ERROR_CONFIG, "TLS settings");
        return NULL;
    }
    if ((o->client_anchors.len || o->ask_clients) && !ask_clients(ctx, o->client_anchors, e)) {
        return NULL;
    }
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    struct tls_server *s = calloc(1, sizeof(*s));
    if (!s) {
        arena_panic("out of memory");
    }
    s->tickets = tickets_new();
    if (!tickets_attach(s->tickets, ctx)) {
        arena_panic("OpenSSL refuses ticket keys");
    }
    s->ctx = TAKE(ctx, NULL);
    atomic_init(&s->refs, 1);
    return s;
}

/* Of the context's current certificate. */
static bool prove_one(SSL_CTX *ctx, struct error *e)
{
    uint8_t something[TLS_DIGEST_LEN];
    uint8_t signature[TLS_SIGNATURE_MAX];
    size_t len = sizeof(signature);
    OWN(md_ctx) EVP_MD_CTX *signing = EVP_MD_CTX_new();
    OWN(md_ctx) EVP_MD_CTX *checking = EVP_MD_CTX_new();
    EVP_PKEY *key = SSL_CTX_get0_privatekey(ctx);
    EVP_PKEY *public = X509_get0_pubkey(SSL_CTX_get0_certificate(ctx));

    ERR_clear_error();
    if (!signing || !checking || RAND_bytes(something, sizeof(something)) <= 0) {
        arena_panic("no memory or no random numbers");
    }
    if (!EVP_DigestSignInit_ex(signing, NULL, "SHA256", remote_key_library(), REMOTE_KEY_ELSEWHERE,
                               key, NULL) ||
        !EVP_DigestSign(signing, signature, &len, something, sizeof(something))) {
        return tls_error(e, ERROR_BUSY, "the certificate's key");
    }
    if (!EVP_DigestVerifyInit_ex(checking, NULL, "SHA256", remote_key_library(),
                                 REMOTE_KEY_ELSEWHERE, public, NULL) ||
        EVP_DigestVerify(checking, signature, len, something, sizeof(something)) != 1) {
        ERR_clear_error();
        return error_set(e, ERROR_CONFIG, "the private key is not the certificate's");
    }
    return true;
}

bool tls_server_prove(struct tls_server *s, struct error *e)
{
    for (long next = SSL_CERT_SET_FIRST; SSL_CTX_set_current_cert(s->ctx, next);
         next = SSL_CERT_SET_NEXT) {
        if (!prove_one(s->ctx, e)) {
            return false;
        }
    }
    return true;
}

struct tls_server *tls_server_ref(struct tls_server *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void tls_server_free(struct tls_server *s)
{
    if (s && atomic_fetch_sub(&s->refs, 1) == 1) {
        SSL_CTX_free(s->ctx);
        tickets_free(s->tickets);
        free(s);
    }
}

SSL *tls_server_session(struct tls_server *s, struct error *e)
{
    SSL *ssl = SSL_new(s->ctx);
    if (!ssl) {
        tls_error(e, ERROR_BUSY, "TLS session");
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return ssl;
}

/* Client */

struct tls_client *tls_client_from_pem(struct slice anchors, struct error *e)
{
    OWN(ssl_ctx) SSL_CTX *ctx = context_new(TLS_client_method(), CLIENT_CIPHERS, e);
    if (!ctx || !tls_add_anchors(SSL_CTX_get_cert_store(ctx), anchors, e)) {
        return NULL;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL); /* a verdict, no failed handshake */
    if (SSL_CTX_dane_enable(ctx) <= 0) {
        tls_error(e, ERROR_CONFIG, "TLSA records");
        return NULL;
    }
    /* DANE-EE binds the key itself: no name is looked at (RFC 7672 section 3.1.1). */
    SSL_CTX_dane_set_flags(ctx, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    struct tls_client *c = calloc(1, sizeof(*c));
    if (!c) {
        arena_panic("out of memory");
    }
    c->ctx = TAKE(ctx, NULL);
    atomic_init(&c->refs, 1);
    return c;
}

static bool read_anchors(const char *path, struct buf *out, struct error *e)
{
    OWN(bio) BIO *file = BIO_new_file(path, "r");
    if (!file) {
        return tls_error(e, ERROR_CONFIG, "%s", path);
    }
    for (;;) {
        size_t n = 0;
        uint8_t *room = buf_room(out, CHAIN_MAX);
        if (!room) {
            return error_set(e, ERROR_CONFIG, "%s: more than %zu bytes", path, TRUST_MAX);
        }
        if (!BIO_read_ex(file, room, CHAIN_MAX, &n) || n == 0) {
            return true;
        }
        out->len += n;
    }
}

struct tls_client *tls_client_new(const struct tls_client_options *o, struct error *e)
{
    /* Where Debian, Fedora and Alpine keep the bundle; the directory form is read lazily, which
     * a process that may open no files cannot do. */
    static const char *const system_files[] = {
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    };
    OWN(buf) struct buf pem;
    buf_init(&pem, TRUST_MAX + CHAIN_MAX);
    bool ok = false;
    if (o->trust_file) {
        ok = read_anchors(o->trust_file, &pem, e);
    } else {
        for (size_t i = 0; !ok && i < sizeof(system_files) / sizeof(system_files[0]); i++) {
            ok = read_anchors(system_files[i], &pem, e);
        }
    }
    struct tls_client *c = ok ? tls_client_from_pem(buf_slice(&pem), e) : NULL;
    if (!c) {
        error_add(e, "trust anchors");
    }
    return c;
}

struct tls_client *tls_client_ref(struct tls_client *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void tls_client_free(struct tls_client *c)
{
    if (c && atomic_fetch_sub(&c->refs, 1) == 1) {
        SSL_CTX_free(c->ctx);
        free(c);
    }
}

SSL *tls_client_session(struct tls_client *c, const struct tls_expected *expected, struct error *e)
{
    OWN(ssl) SSL *ssl = SSL_new(c->ctx);
    if (!ssl || !tls_expect(ssl, expected)) {
        tls_error(e, ERROR_BUSY, "TLS session with \"%.*s\"", SLICE_ARG(expected->name));
        return NULL;
    }
    SSL_set_connect_state(ssl);
    return TAKE(ssl, NULL);
}
