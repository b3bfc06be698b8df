/* host/conn - one connection with a peer on the network, plain or TLS, with deadlines.
 *
 * The same type serves SMTP server and client, IMAP and LDAP. Calls block, but never
 * past their deadline. The caller owns the input buffer and the connection reads nothing ahead of
 * it: what the peer sent before a STARTTLS was answered is in that buffer, for the caller to see
 * and refuse (RFC 3207 section 4.2 and CVE-2011-0411), or still in the kernel, where it breaks
 * the handshake.
 *
 * A connection belongs to one thread; conn_abort() alone may be called from another. Deadlines
 * are of clock_steady_ms(). Errors are of kind ERROR_BUSY: connections break. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"

#include "host/address.h"
#include "host/tls.h"
#include "host/tlsa.h"

#define CONN_READ_MAX 16384 /* most bytes that one conn_read() adds: a TLS record's payload */

struct conn;

/* What a wait for the peer's bytes ended with. */
enum conn_event {
    CONN_BYTES,    /* at least one byte was added */
    CONN_CLOSED,   /* the peer will send no more (FIN, or close_notify under TLS) */
    CONN_TIMED_OUT /* the deadline passed; the connection is as good as before */
};

/* What is known of the TLS session; zeroed while the connection is plain. */
struct conn_tls {
    bool on;
    bool resumed;
    const char *version; /* "TLSv1.3"; static */
    const char *cipher;  /* IANA name, "TLS_AES_256_GCM_SHA384"; static */
    const char *group;   /* of the key agreement, "x25519"; static, "" when unknown */
    enum tls_verdict verdict;
    struct tlsa matched; /* TLS_VERIFIED by TLSA records: this one, its data left out */
    bool by_tlsa;
    uint8_t peer_sha256[TLS_DIGEST_LEN]; /* of the peer's certificate; zero without one */
};

/* Take over a connected stream socket (on Linux also a socket pair's end). Sets it non-blocking,
 * TCP_NODELAY and SO_KEEPALIVE. Never NULL. */
struct conn *conn_new(int fd) __attribute__((returns_nonnull));

/* Close at once, without a close_notify: see conn_close() for manners. NULL is fine. */
void conn_free(struct conn *c);

/**
 * Turn a plain connection into TLS, as the server.
 *
 * @return  false when the handshake failed or took too long; the connection is then useless
 */
bool conn_tls_accept(struct conn *c, struct tls_server *s, int64_t deadline_ms,
                     struct error *e) MUST_CHECK;

/**
 * Turn a plain connection into TLS, as the client. Succeeds whatever the certificate is worth:
 * ask conn_tls() for the verdict before anything confidential is written.
 *
 * @param name  host name for SNI (RFC 6066 section 3) and for the verdict
 */
bool conn_tls_connect(struct conn *c, struct tls_client *t, struct slice name, int64_t deadline_ms,
                      struct error *e) MUST_CHECK;

/* As conn_tls_connect(), for whoever is expected. What the expectation names may go afterwards. */
bool conn_tls_connect_to(struct conn *c, struct tls_client *t, const struct tls_expected *expected,
                         int64_t deadline_ms, struct error *e) MUST_CHECK;

/**
 * Wait for bytes and append them to `in`: at least one, at most what is there, CONN_READ_MAX and
 * the room up to in->max (which may not be used up).
 *
 * @param event  what ended the wait
 * @return       false when the connection broke: reset, TLS alert, cut without close_notify
 */
bool conn_read(struct conn *c, struct buf *in, int64_t deadline_ms, enum conn_event *event,
               struct error *e) MUST_CHECK;

/* Let every wait for the peer's bytes also end, as if its deadline had passed, once this descriptor
 * is readable: how thousands of idle connections hear of the end of their process. -1: no more.
 * The descriptor stays the caller's. */
void conn_stop_by(struct conn *c, int stop_fd);

/* Write all of `out`. After false the peer has an unknown part of it. */
bool conn_write(struct conn *c, struct slice out, int64_t deadline_ms, struct error *e) MUST_CHECK;

/* Whether the peer has sent bytes that conn_read() would add now. Never blocks. Between two
 * letters a client asks this to see that a kept connection is still quiet. */
bool conn_is_readable(struct conn *c);

/* What is written from now on is the last: it may go out together with conn_half_close(), which follows at once. */
void conn_ends(struct conn *c);

/* Say that we will write no more: close_notify under TLS, then FIN. Reading goes on. */
void conn_half_close(struct conn *c);

/* Say good-bye, wait for the peer's end until the deadline, and free. NULL is fine. */
void conn_close(struct conn *c, int64_t deadline_ms);

/* Make every call on the connection fail soon. May be called from any thread while the owner
 * has not freed it. */
void conn_abort(struct conn *c);

/* What the handshake agreed on, all zero without TLS. Lives as long as the connection. */
const struct conn_tls *conn_tls(const struct conn *c);

/* The channel binding tls-exporter (RFC 9266): the same at both ends of this connection and of no other. False, and
 * nothing written, unless it is TLS 1.3. */
bool conn_tls_exporter(const struct conn *c, uint8_t out[static TLS_EXPORTER_LEN]) MUST_CHECK;

/* Whether the peer showed a certificate with this DNS name (RFC 9525 section 6.3); whether it is to be
 * trusted is another question, which the verdict answers. */
bool conn_peer_has_name(const struct conn *c, struct slice name);

/* Append the certificates that the peer showed in this connection's handshake, its own first, in DER one behind the other. False,
 * and nothing appended, when it showed none or they do not fit. */
bool conn_peer_chain(const struct conn *c, struct buf *out) MUST_CHECK;

/* The peer's address; len 0 when the socket is no IP socket. */
const struct address *conn_peer(const struct conn *c);

/* The peer's address without port, as text: "192.0.2.1", or "local". Valid while c lives. */
const char *conn_peer_text(const struct conn *c);

/* Our own address of this connection. */
const struct address *conn_local(const struct conn *c);

OWN_BY(conn, struct conn, conn_free)
