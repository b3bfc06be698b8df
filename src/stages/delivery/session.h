/* stages/delivery/session - one connection with a receiving server, and the letters it takes.
 *
 * Straight-line code over host/conn and the dialogue of formats/smtp/client. It opens (greeting,
 * EHLO, STARTTLS, EHLO, AUTH), sends letters one after the other, and says for every recipient what
 * became of it and what the session proves. The level a letter demands is never undercut: whatever
 * the server does not offer, nothing confidential is written below that level.
 *
 * What replies mean (RFC 5321 section 4.2.1, RFC 3463):
 *
 *   connect, greeting, EHLO, TLS, AUTH fail   no session: the caller tries the next host
 *   421 anywhere                              deferred, for those without an answer of their own
 *   552 to RCPT after others were accepted    deferred: too many recipients (section 4.5.3.1.10)
 *   4yz                                       deferred
 *   5yz                                       failed
 *   silence or a broken dialogue              deferred; unknown once the final dot was written
 *
 * A session belongs to one thread at a time. What it returns lives in the caller's arena. */
#pragma once

#include "base/arena.h"
#include "base/own.h"

#include "formats/sts/sts.h"
#include "host/address.h"
#include "host/tls.h"
#include "letter/records.h"
#include "stages/delivery/proof.h"

#define SESSION_REPLY_MAX 500 /* bytes of a server's words that are kept */

/* How we talk to everybody. Outlives the sessions. */
struct session_settings {
    struct slice name;          /* ours, in EHLO */
    struct tls_client *trust;   /* the caller's reference */
    int64_t connect_timeout_ms; /* TCP */
    int64_t command_timeout_ms; /* greeting, each reply, each write (RFC 5321 section 4.5.3.2) */
    int64_t data_timeout_ms;    /* the reply to a letter's end: 10 minutes there */
    int64_t attempt_timeout_ms; /* opening and, counted anew, a letter up to its final dot */
};

/* Whom we talk to. */
struct session_peer {
    struct slice host; /* as routed: for the certificate's name and for the evidence */
    struct address address;
    enum tls_level level; /* demanded before anything is sent, at least proof.floor */
    bool require_tls;     /* it must pass REQUIRETLS on (RFC 8689), proven by a certificate */
    bool implicit_tls;    /* TLS from the first byte (RFC 8314 section 3) */
    bool dnssec;          /* MX and address came from secure answers */
    struct proof
        proof; /* what the certificate must show; its lists count while the session is opened */
    struct slice user; /* empty: no AUTH */
    struct slice password;
    const struct address *from; /* address of ours to leave by; NULL: the kernel chooses */
};

/* One letter for recipients behind this server. */
struct session_letter {
    struct slice bytes; /* the copy as it leaves, CRLF line ends */
    struct slice reverse_path;
    const struct recipient *recipients;
    size_t n_recipients; /* at least 1 */
    bool has_8bit;       /* bytes above 127 in it */
    bool smtputf8;       /* the sender declared it; needed only where there is such a byte */
    struct slice envelope_id;
    uint64_t dsn_return; /* enum dsn_return */
    bool require_tls;    /* RFC 8689 */
    bool relayed;        /* success means "handed to the smart host" */
};

struct session;

/* Why there is no session. */
struct session_failure {
    struct recipient_outcome why; /* what every recipient's outcome would be, if this were the last
                                     host to try; FAILED only for a 5yz greeting or EHLO */
    struct evidence seen; /* what there is to say of the server; `level` is 0 unless the level that
                             it offers was too low */
    bool
        tls_broken; /* it was asked for TLS, and the handshake came to nothing, or to a certificate that
                             what the domain publishes speaks against */
    bool busy;      /* nobody was asked: all connections that there may be are in use */
};

/**
 * Connect and come to the point where a letter may be sent, at the peer's level or above.
 *
 * @param failure  set when NULL is returned
 */
struct session *session_open(const struct session_settings *settings,
                             const struct session_peer *peer, struct arena *arena,
                             struct session_failure *failure) MUST_CHECK;

/* Say QUIT and close; after a breach just close. NULL is fine. */
void session_close(struct session *s);

enum session_sent {
    SESSION_READY, /* every recipient has an outcome; the next letter may follow */
    SESSION_OVER,  /* every recipient has an outcome; close the session */
    SESSION_STALE, /* the server had given up the idle connection: nothing was sent, the outcomes
                      mean nothing; close it and open another */
};

/**
 * Send one letter.
 *
 * @param outcomes  one for each recipient, in their order. A letter that the server cannot take (SIZE, 8BITMIME, SMTPUTF8) is FAILED
 *                  without a word to the server
 */
enum session_sent session_send(struct session *s, const struct session_letter *letter,
                               struct arena *arena, struct recipient_outcome *outcomes) MUST_CHECK;

/* Whether an idle session still looks usable: the server has not said or closed anything. */
bool session_is_quiet(struct session *s);

/* The level reached: what a letter may demand of this session. */
enum tls_level session_level(const struct session *s);

/* Whether the server passes REQUIRETLS on, has proven itself and is the domain's (RFC 8689 section 4.2.1). */
bool session_keeps_tls(const struct session *s);

/* When it was opened, by clock_steady_ms(). */
int64_t session_opened_ms(const struct session *s);

/* Letters sent or tried so far. */
uint64_t session_letters(const struct session *s);

/* Whom the session speaks to and how it is protected; lives as long as the session. */
const struct session_peer *session_peer(const struct session *s);

/* What the session proves. Times are the caller's to fill in. */
struct evidence session_evidence(const struct session *s, struct arena *arena);

/* An outcome for one recipient or, with an empty address, for all; texts from the arena. */
struct recipient_outcome session_outcome(enum delivery_status status, int code,
                                         const char *enhanced, struct slice reply,
                                         struct arena *arena);

OWN_BY(session, struct session, session_close)
