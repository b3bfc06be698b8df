/* host/tls - what both ends of TLS are set up with: certificates and remote keys, trust, verdicts.
 *
 * A server context holds certificate chains; their private keys live in another process and are
 * used through a callback that signs digests. A client context holds the trust anchors; a
 * certificate that does not convince is a *verdict* and not an error, so that the caller decides.
 *
 * Contexts are counted: a connection holds one while it lives, so the owner may replace its
 * context (SIGHUP) and free the old one at any time. Thread-safe once made. TLS 1.2 (RFC 5246)
 * with forward secrecy and AEAD alone, TLS 1.3 (RFC 8446), no renegotiation, no compression;
 * session tickets (RFC 5077, RFC 8446 section 4.6.1) under keys that live in this process'
 * memory and are replaced every hour. OpenSSL stays behind this header and host/conn. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"

#define TLS_DIGEST_LEN    32  /* SHA-256 */
#define TLS_SIGNATURE_MAX 512 /* RSA-4096 */
#define TLS_END_POINT_MAX 64  /* SHA-512 */
#define TLS_EXPORTER_LEN  32

/* How a digest is to be signed. The hash is told by the digest's length: 32, 48 or 64 bytes for
 * SHA-256, SHA-384, SHA-512. */
enum tls_scheme {
    TLS_ECDSA = 1,     /* DER (RFC 3279 section 2.2.3) */
    TLS_RSA_PKCS1 = 2, /* RSASSA-PKCS1-v1_5, TLS 1.2 only */
    TLS_RSA_PSS = 3,   /* RSASSA-PSS with salt as long as the digest */
};

struct tls_sign_request {
    uint8_t key_id[TLS_DIGEST_LEN]; /* SHA-256 of the SubjectPublicKeyInfo */
    enum tls_scheme scheme;
    struct slice digest;
};

/* Sign with the private key of r->key_id and put the signature into the empty buffer (maximum
 * TLS_SIGNATURE_MAX). Called from any thread, during handshakes; may block. */
typedef bool tls_sign(void *context, const struct tls_sign_request *r, struct buf *signature,
                      struct error *e);

struct tls_server;
struct tls_client;

struct tls_server_options {
    const struct slice *chains; /* PEM, leaf first; one each for EC and RSA at most */
    size_t n_chains;
    tls_sign *sign;
    void *sign_context; /* outlives every connection made with this context */
    /* PEM of trust anchors: clients are asked for a certificate and may have none; conn_tls() says what it
     * is worth. Empty: nobody is asked. Whether a certificate is for clients does not matter: what mail
     * servers show as clients are their servers' certificates (RFC 5280 section 4.2.1.12). */
    struct slice client_anchors;
    bool
        ask_clients; /* they are asked all the same; what it is worth is judged elsewhere (host/certificate) */
};

/**
 * Make a server context with one reference, the caller's.
 *
 * @return  NULL with ERROR_CONFIG: a chain cannot be read, its key is of a kind or size we do not
 *          use (EC P-256, P-384, RSA of 2048 to 4096 bits), two chains have the same kind, the
 *          anchors cannot be read
 */
struct tls_server *tls_server_new(const struct tls_server_options *o, struct error *e) MUST_CHECK;

/* One more owner, who calls tls_server_free() as well. From any thread. */
/**
 * Let the remote keys sign something and see that the certificates' public keys agree: a chain
 * whose key is another's would fail every handshake.
 *
 * @return  false with ERROR_CONFIG: the signature is another key's; ERROR_BUSY: none came
 */
bool tls_server_prove(struct tls_server *s, struct error *e) MUST_CHECK;

/* Take a further reference. */
struct tls_server *tls_server_ref(struct tls_server *s);

/* Give a reference up; the last one ends the context. NULL is fine. */
void tls_server_free(struct tls_server *s);

/* What a peer's certificate is worth, for the name it was asked for. */
enum tls_verdict {
    TLS_NO_CERTIFICATE,
    TLS_VERIFIED, /* chain to a trust anchor, in date, name matches (RFC 6125) */
    TLS_SELF_SIGNED,
    TLS_UNTRUSTED, /* issued by somebody we do not trust, or the chain is incomplete */
    TLS_EXPIRED,   /* or not yet valid */
    TLS_NAME_MISMATCH,
    TLS_REVOKED,
    TLS_UNACCEPTABLE, /* weak key or hash, wrong purpose, malformed */
    TLS_NO_MATCH,     /* none of the TLSA records that were expected is about it */
};

/* A word for records and log lines: "verified", "self-signed", "name-mismatch" ... */
const char *tls_verdict_text(enum tls_verdict v);

/* Whom a client expects at the other end. */
struct tls_expected {
    struct slice name; /* for SNI (RFC 6066 section 3) and for the verdict */
    bool sni_alone;    /* the name is not believed: one of the others counts */
    const struct slice
        *others; /* the certificate may show one of these instead, because somebody said so */
    size_t n_others;
    const struct slice
        *tlsa; /* RDATA of usable TLSA records (host/tlsa). With any, they decide and no trust
                                 anchor does: `name` is their base domain (RFC 7672 section 3.2) */
    size_t n_tlsa;
};

struct tls_client_options {
    const char *trust_file; /* PEM of trust anchors; NULL: the system's */
};

/* Make a client context with one reference. NULL with ERROR_CONFIG when the trust file cannot be
 * read. Loading the system's anchors takes some 10 ms: make it once. */
struct tls_client *tls_client_new(const struct tls_client_options *o, struct error *e) MUST_CHECK;

/* As tls_client_new(), with the anchors given as PEM bytes, for processes that open no files. */
struct tls_client *tls_client_from_pem(struct slice anchors, struct error *e) MUST_CHECK;

/* One more owner, who calls tls_client_free() as well. From any thread. */
struct tls_client *tls_client_ref(struct tls_client *c);

/* Give up one reference; the last frees. Accepts NULL. */
void tls_client_free(struct tls_client *c);

/* SHA-256 of the SubjectPublicKeyInfo of the first certificate in `pem`, and the kind of its key
 * ("ec" or "rsa"): how a chain and its key in the signer find each other. */
bool tls_key_id(struct slice pem, uint8_t id[static TLS_DIGEST_LEN], const char **kind,
                struct error *e) MUST_CHECK;

/* The channel binding tls-server-end-point of a server with this chain (RFC 5929 section 4.1): a hash of its first
 * certificate. ERROR_CONFIG when that has none. */
bool tls_end_point(struct slice chain, uint8_t out[static TLS_END_POINT_MAX], size_t *len,
                   struct error *e) MUST_CHECK;

OWN_BY(tls_server, struct tls_server, tls_server_free)
OWN_BY(tls_client, struct tls_client, tls_client_free)
