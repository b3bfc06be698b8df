/* host/internal - what the TLS files of this module share: OpenSSL's types. */
#pragma once

#include <openssl/ssl.h>
#include <stdarg.h>

#include "base/buf.h"

#include "host/tls.h"
#include "host/tlsa.h"

OWN_BY(ssl, SSL, SSL_free)
OWN_BY(ssl_ctx, SSL_CTX, SSL_CTX_free)
OWN_BY(bio, BIO, BIO_free_all)
OWN_BY(x509, X509, X509_free)
OWN_BY(pkey, EVP_PKEY, EVP_PKEY_free)
OWN_BY(pkey_ctx, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
OWN_BY(md, EVP_MD, EVP_MD_free)
OWN_BY(md_ctx, EVP_MD_CTX, EVP_MD_CTX_free)
OWN_BY(params, OSSL_PARAM, OSSL_PARAM_free)

/* As error_set(), followed by the first reason in this thread's OpenSSL queue, which is emptied:
 * the first is the deepest, the ones behind it say "and so this failed too". */
bool tls_error(struct error *e, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The library context of this process' TLS, with the provider of remote keys. Never NULL. */
OSSL_LIB_CTX *remote_key_library(void);

/* Properties that keep every operation but the signing away from remote keys. */
#define REMOTE_KEY_ELSEWHERE "?provider=default"

/* What a remote key needs to sign. */
struct remote_signer {
    tls_sign *sign;
    void *context;
    uint8_t key_id[TLS_DIGEST_LEN];
};

/* Make the private key that belongs to a certificate's public key and signs through *signer,
 * which is copied. NULL with ERROR_CONFIG. */
EVP_PKEY *remote_key_new(EVP_PKEY *public, const struct remote_signer *signer,
                         struct error *e) MUST_CHECK;

/* SHA-256 of a key's SubjectPublicKeyInfo. */
bool tls_key_hash(const EVP_PKEY *key, uint8_t id[static TLS_DIGEST_LEN],
                  struct error *e) MUST_CHECK;

/* Add the anchors of a PEM file to a store. ERROR_CONFIG when it holds none, or one that cannot be read. */
bool tls_add_anchors(X509_STORE *store, struct slice pem, struct error *e) MUST_CHECK;

/* A new session of a context, for host/conn. NULL with ERROR_BUSY. */
SSL *tls_server_session(struct tls_server *s, struct error *e) MUST_CHECK;
SSL *tls_client_session(struct tls_client *c, const struct tls_expected *expected,
                        struct error *e) MUST_CHECK;

/* Have the session show the expected name and judge the peer's certificate by what is expected. */
bool tls_expect(SSL *ssl, const struct tls_expected *expected);

/* A connection's socket as OpenSSL sees it; the connection's own. It sends without SIGPIPE, which is not for a library to send.
 * What small pieces are written one behind the other are one segment, for each costs both ends a system call and a wake-up. */
#define SOCKET_GATHERS_MAX ((size_t)16 << 10)

struct socket_port {
    int fd;
    bool gathers; /* hold what is written until the peer is waited for, or socket_flush() */
    bool last;    /* the end follows at once and takes along what is written (MSG_MORE) */
    struct buf held;
};

/* *p outlives it. Never NULL. */
BIO *socket_bio(struct socket_port *p);

/* Send what is held. False with errno: EAGAIN when some of it is to be sent later. */
bool socket_flush(struct socket_port *p) MUST_CHECK;

/* As conn_peer_chain() and conn_peer_has_name(), of a session that was not resumed. */
bool tls_peer_chain(SSL *ssl, struct buf *out) MUST_CHECK;
bool tls_peer_has_name(SSL *ssl, struct slice name);

/* The keying material of this connection alone, by which it is known (RFC 9266); false before TLS 1.3. */
bool tls_exporter(SSL *ssl, uint8_t out[static TLS_EXPORTER_LEN]);

/* The verdict on the peer, after the handshake. */
enum tls_verdict tls_session_verdict(const SSL *ssl);

/* Whether the peer was verified by a TLSA record, and by which; its data is left out. */
bool tls_session_tlsa(SSL *ssl, struct tlsa *matched);

/* Session tickets under keys that are replaced every hour. */
struct tickets;

/* Fresh keys; sessions of another process or an earlier start do not resume. */
struct tickets *tickets_new(void) __attribute__((returns_nonnull));

/* Let the context's sessions use them; they must outlive the sessions. */
bool tickets_attach(struct tickets *t, SSL_CTX *ctx) MUST_CHECK;

/* Wipe the keys. Accepts NULL. */
void tickets_free(struct tickets *t);
