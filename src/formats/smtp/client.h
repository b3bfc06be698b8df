/* formats/smtp/client - the client's half of a dialogue: what delivery speaks (RFC 5321).
 *
 * No sockets, no clock, no allocation. The caller gives an order when the client is ready; the
 * client writes commands to `out`, reads replies, and hands out what happened, one event at a
 * time. It pipelines when the server offers it (RFC 2920), sends a parameter only when its
 * extension was offered, and falls back to HELO. Not thread-safe; one for each connection.
 *
 *     init -> READY -> starttls -> TLS -> secured -> READY -> auth -> AUTH -> send -> SENDER,
 *     RECIPIENT ..., then BODY -> the letter, body_sent -> DONE, or FAILED; then send or quit
 *
 * Loop: call next(); on SMTP_CLIENT_WAIT send `out`, read more, call again. SENDER and RECIPIENT
 * only tell; all others leave the dialogue at rest or say what to do. When the connection breaks
 * off, what has no reply yet is unknown. */
#pragma once

#include "base/error.h"
#include "base/slice.h"

#include "formats/smtp/data.h"
#include "formats/smtp/features.h"
#include "formats/smtp/reply.h"

#define SMTP_CLIENT_OUT_MAX 4096

enum smtp_client_event {
    SMTP_CLIENT_WAIT,      /* send `out`, then read more */
    SMTP_CLIENT_READY,     /* greeted, hello said: order starttls, auth, send or quit */
    SMTP_CLIENT_TLS,       /* 220 to STARTTLS: shake hands, then smtp_client_secured() */
    SMTP_CLIENT_NO_TLS,    /* STARTTLS refused, reply says why: ready, still cleartext */
    SMTP_CLIENT_AUTH,      /* reply to AUTH: 235 signed in, else not; ready */
    SMTP_CLIENT_SENDER,    /* reply to MAIL; FAILED follows when it is no 2yz */
    SMTP_CLIENT_RECIPIENT, /* reply to the RCPT of `recipient` */
    SMTP_CLIENT_BODY,      /* 354: send the letter, then smtp_client_body_sent() */
    SMTP_CLIENT_DONE,      /* reply to the letter, for every recipient accepted; ready */
    SMTP_CLIENT_FAILED,    /* no letter was sent: MAIL or every RCPT was refused, or, when
                              `accepted` is not 0, DATA was: reply says why; ready */
    SMTP_CLIENT_CLOSED,    /* QUIT answered, or the server said 421 (in reply): recipients without
                              an answer of their own have none; close the connection */
    SMTP_CLIENT_BROKEN,    /* not SMTP, or a breach of it: *e; close the connection */
};

struct smtp_client_rcpt {
    struct slice mailbox; /* local@domain, no brackets */
    unsigned notify;      /* smtp_notify bits, 0: unsaid */
    struct slice orcpt;   /* type;xtext, empty: unsaid */
};

/* One transaction. Belongs to the caller and stays as it is until DONE or FAILED. */
struct smtp_client_mail {
    struct slice reverse_path; /* local@domain, no brackets; empty: the null path */
    uint64_t size;             /* octets of the letter */
    bool eight_bit;            /* the letter has octets above 127 */
    bool utf8;                 /* needs SMTPUTF8: an address or a header field has them */
    bool require_tls;          /* RFC 8689 */
    enum smtp_ret ret;
    struct slice envid; /* xtext, empty: unsaid */
    const struct smtp_client_rcpt *recipients;
    size_t n_recipients; /* at least 1 */
};

enum smtp_client_fit {
    SMTP_CLIENT_FITS,
    SMTP_CLIENT_TOO_LARGE,     /* SIZE says so            5.3.4 */
    SMTP_CLIENT_NEEDS_8BIT,    /* no 8BITMIME             5.6.1 */
    SMTP_CLIENT_NEEDS_UTF8,    /* no SMTPUTF8             5.6.7 */
    SMTP_CLIENT_NEEDS_REQUIRE, /* no REQUIRETLS           5.7.30 */
};

struct smtp_client {
    unsigned state; /* one of client.c's */
    bool tls, esmtp;
    bool accepted_sender;
    bool unclear;        /* the server may still hold an envelope: RSET comes first */
    unsigned features;   /* smtp_feature bits the server offered in its last EHLO reply */
    unsigned mechanisms; /* smtp_mechanism bits it offered */
    uint64_t size_max;   /* SIZE's value, 0: none given */
    struct slice name;
    const struct smtp_client_mail *mail;
    size_t commands_sent, replies_read; /* of the transaction: MAIL, RCPTs, DATA */
    size_t accepted;                    /* recipients accepted */
    size_t recipient;                   /* SMTP_CLIENT_RECIPIENT: index into mail->recipients */
    struct slice user, password;
    struct smtp_reply reply; /* the reply that the event is about */
    size_t out_len;
    uint8_t out[SMTP_CLIENT_OUT_MAX];
};

/* Start with a connection that was just made. `name`: what EHLO says, a domain or address literal
 * of at most 255 octets that outlives the client. `tls`: already encrypted. */
void smtp_client_init(struct smtp_client *c, struct slice name, bool tls);

/**
 * Consume replies up to the next event.
 *
 * @param in  unread octets; advanced past what was consumed. An unfinished line stays in it.
 * @param e   set exactly when SMTP_CLIENT_BROKEN is returned: with ERROR_INPUT for malformed
 *            replies, replies nobody asked for and octets behind the 220 to STARTTLS (RFC 3207
 *            section 5); for a greeting other than 220 or a refused HELO with ERROR_BUSY (4yz)
 *            or ERROR_DENIED (5yz), then `reply` holds it
 */
enum smtp_client_event smtp_client_next(struct smtp_client *c, struct slice *in,
                                        struct error *e) MUST_CHECK;

/* Orders, each only when ready. */

/* Ask for TLS; only when SMTP_STARTTLS was offered. */
void smtp_client_starttls(struct smtp_client *c);

/* TLS stands: forget what was offered before and say EHLO again (RFC 3207 section 4.2). */
void smtp_client_secured(struct smtp_client *c);

/**
 * Sign in with one mechanism that the server offers; under TLS only (asserted).
 *
 * @param user, password  at most 255 octets each; must stay until SMTP_CLIENT_AUTH. `out` holds
 *                        them encoded until smtp_client_sent(), which wipes it.
 */
void smtp_client_auth(struct smtp_client *c, enum smtp_mechanism mechanism, struct slice user,
                      struct slice password);

/* Whether the server can take this letter; smtp_client_send() asserts that it fits. DSN parameters
 * are left out when the server has no DSN: the caller then reports "relayed" itself. */
enum smtp_client_fit smtp_client_fits(const struct smtp_client *c,
                                      const struct smtp_client_mail *mail);

/* Begin a letter, in SMTP_CLIENT_READY and only one that smtp_client_fits(). `mail` outlives it. */
void smtp_client_send(struct smtp_client *c, const struct smtp_client_mail *mail);

/* The letter and smtp_data_writer_end() were handed to the connection after SMTP_CLIENT_BODY. */
void smtp_client_body_sent(struct smtp_client *c);

/* Ask whether the connection still lives, before it is used again: SMTP_CLIENT_READY follows. */
void smtp_client_reset(struct smtp_client *c);

/* Take leave with QUIT, in SMTP_CLIENT_READY. */
void smtp_client_quit(struct smtp_client *c);

static inline struct slice smtp_client_output(const struct smtp_client *c)
{
    return slice_of(c->out, c->out_len);
}

/* The output was handed to the connection; wipes it. */
void smtp_client_sent(struct smtp_client *c);
