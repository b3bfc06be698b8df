/* formats/smtp/server - the server's half of one submission dialogue.
 *
 * No sockets, no clock, no allocation: octets go in through smtp_server_next(), one well-formed,
 * well-ordered and permitted request at a time comes out, and the caller answers it with
 * smtp_server_accept() or smtp_server_reply(). What is malformed, unknown, out of order or not yet
 * allowed is answered here and never reaches the caller. Replies collect in `out`.
 *
 * RFC 5321 and 6409 (submission), 8314 (TLS), 3207 (STARTTLS), 4954 (AUTH), 1870 (SIZE), 2920
 * (PIPELINING), 3030 (CHUNKING, not BINARYMIME), 6152 (8BITMIME), 6531 (SMTPUTF8), 3461 (DSN),
 * 2034 and 3463 (enhanced codes). Stricter than they ask: nothing but CRLF ends a line, AUTH and
 * MAIL only under TLS, MAIL only after AUTH. Not thread-safe; one for each connection.
 *
 * A transaction (MAIL to end of letter) is abandoned by SMTP_GOT_RESET, by SMTP_GOT_HELLO and by
 * the end of the dialogue: the caller then forgets its envelope. */
#pragma once

#include "base/slice.h"

#include "formats/smtp/address.h"
#include "formats/smtp/data.h"
#include "formats/smtp/features.h"

/* Longest command line with CRLF: 512 (RFC 5321 section 4.5.3.1.4) and for MAIL 26 for SIZE
 * (RFC 1870), 17 for BODY (RFC 6152), 10 for SMTPUTF8 (RFC 6531), 500 for AUTH (RFC 4954), 9 for
 * RET and 107 for ENVID (RFC 3461 section 4.4), 11 for REQUIRETLS (RFC 8689); for RCPT 507 for ORCPT and 29 for NOTIFY. */
#define SMTP_LINE_MAX      512
#define SMTP_LINE_MAIL_MAX (512 + 26 + 17 + 10 + 500 + 9 + 107 + 11)
#define SMTP_LINE_RCPT_MAX (512 + 507 + 29)
/* A response to an AUTH challenge: what RFC 4954 section 4 says, for tokens (RFC 7628). */
#define SMTP_LINE_AUTH_MAX 12288

/* The input buffer must hold a whole line, or no progress is made. */
#define SMTP_INPUT_MIN (SMTP_LINE_AUTH_MAX + 512)

/* Octets of a message of a mechanism: what fits into such a line. RFC 4616 section 2 has 767 at most, a token some thousands. */
#define SMTP_CREDENTIALS_MAX 9000
#define SMTP_OUT_MAX         1536
#define SMTP_REFUSAL_MAX     192
#define SMTP_CHALLENGE_MAX   465 /* octets of a mechanism: their base64 fits into a reply */
#define SMTP_REPLY_MAX       640 /* one reply with its CRLFs; longer texts are cut */

/* What the server is and offers. Owned by the caller, must outlive the dialogue. */
struct smtp_server_config {
    struct slice host;       /* name in greeting and EHLO reply; at most 255 octets */
    unsigned features;       /* smtp_feature bits; STARTTLS shows only before TLS, AUTH under it */
    unsigned mechanisms;     /* smtp_mechanism bits */
    uint64_t size_max;       /* octets of a letter */
    uint32_t recipients_max; /* of one letter; at least 100 (RFC 5321 section 4.5.3.1.8) */
    uint32_t line_max;       /* octets of a letter's line without CRLF; 0: no limit */
    uint32_t errors_max;     /* malformed or disordered commands before the dialogue ends */
    uint32_t commands_max;   /* commands without a letter accepted before it ends */
    bool open;               /* nobody signs in: under TLS a letter may begin at once */
};

enum smtp_got {
    SMTP_GOT_NOTHING,  /* every complete request is consumed: send `out`, read more, call again */
    SMTP_GOT_FLUSH,    /* no room for another reply: send `out` and call again */
    SMTP_GOT_HELLO,    /* name                     accept, or reply 4yz/5yz */
    SMTP_GOT_STARTTLS, /* accept: send `out`, shake hands, then smtp_server_secured() */
    SMTP_GOT_AUTH,     /* credentials              accept, or reply 454/535 */
    SMTP_GOT_SASL,     /* sasl                     challenge, accept, or reply 454/501/535 */
    SMTP_GOT_MAIL,     /* mail                     accept, or reply 4yz/5yz */
    SMTP_GOT_RCPT,     /* rcpt                     accept, or reply 4yz/5yz */
    SMTP_GOT_DATA,     /* a letter begins          accept, or reply 4yz/5yz */
    SMTP_GOT_BODY,     /* body: the next octets of the letter; no answer */
    SMTP_GOT_LETTER,   /* the letter is whole      reply 250 or 4yz/5yz */
    SMTP_GOT_RESET,    /* the client (RSET) or a refusal ended the transaction; no answer */
    SMTP_GOT_SASL_END, /* the client gave up behind a challenge of the caller's; no answer */
    SMTP_GOT_END,      /* send `out` and close the connection; no answer */
};

struct smtp_credentials {
    enum smtp_mechanism mechanism;
    struct slice authorize; /* PLAIN's authzid, often empty */
    struct slice user;
    struct slice password;
};

/* A message of a mechanism that the caller knows and this machine does not: of all but PLAIN and LOGIN. */
struct smtp_sasl {
    enum smtp_mechanism mechanism;
    bool first;           /* the exchange begins with it */
    struct slice message; /* decoded */
};

struct smtp_mail {
    struct smtp_mailbox sender; /* text empty: the null reverse-path */
    uint64_t size;              /* SIZE=, 0: not said */
    bool eight_bit;             /* BODY=8BITMIME */
    bool utf8;                  /* SMTPUTF8 */
    bool require_tls;           /* REQUIRETLS */
    enum smtp_ret ret;
    struct slice envid; /* ENVID= as sent, valid xtext; empty: not said */
    struct slice auth;  /* AUTH= as sent, valid xtext or `<>`; empty: not said */
};

struct smtp_rcpt {
    struct smtp_mailbox recipient; /* domain empty: <postmaster> */
    unsigned notify;               /* smtp_notify bits, 0: not said */
    struct slice orcpt;            /* ORCPT= as sent: type;xtext; empty: not said */
};

/* The slices look into the input, those of the credentials into the server: valid until the next
 * call of any function here. The caller wipes its own input buffer behind credentials. */
struct smtp_request {
    struct slice name;                   /* SMTP_GOT_HELLO: what the client calls itself */
    bool esmtp;                          /* SMTP_GOT_HELLO: by EHLO */
    bool chunked;                        /* SMTP_GOT_DATA: by BDAT */
    struct smtp_credentials credentials; /* SMTP_GOT_AUTH */
    struct smtp_sasl sasl;               /* SMTP_GOT_SASL */
    struct smtp_mail mail;               /* SMTP_GOT_MAIL */
    struct smtp_rcpt rcpt;               /* SMTP_GOT_RCPT */
    struct slice body;                   /* SMTP_GOT_BODY */
};

struct smtp_server {
    const struct smtp_server_config *config;
    unsigned state;        /* one bit of server.c's states */
    enum smtp_got pending; /* request handed out and not answered */
    bool tls, signed_in, esmtp;
    bool utf8;    /* of this transaction */
    bool chunked; /* this letter comes by BDAT */
    bool last_chunk;
    uint32_t recipients; /* accepted in this transaction */
    uint32_t errors, commands;
    uint64_t chunk_left; /* octets of the chunk still to come */
    uint64_t chunk_size;
    struct smtp_data_reader reader;
    unsigned resume; /* state behind a chunk that is discarded */
    size_t out_len;
    uint16_t user_len;             /* AUTH LOGIN's user at the front of credentials */
    enum smtp_mechanism mechanism; /* of the exchange that is the caller's */
    uint8_t credentials[SMTP_CREDENTIALS_MAX];
    uint16_t refusal_code; /* not 0: octets are discarded, this is said behind them */
    char refusal_status[12];
    char refusal[SMTP_REFUSAL_MAX];
    uint8_t out[SMTP_OUT_MAX];
};

/* Start a dialogue by queueing the 220 greeting; `tls` when the connection is already encrypted
 * (RFC 8314 section 3.3). */
void smtp_server_init(struct smtp_server *s, const struct smtp_server_config *config, bool tls);

/**
 * Consume input up to the next request that needs the caller.
 *
 * @param in       unread octets; advanced past what was consumed. An unfinished line stays in it
 *                 and must be offered again with more behind it.
 * @param request  filled as its comment says for the kind returned
 */
enum smtp_got smtp_server_next(struct smtp_server *s, struct slice *in,
                               struct smtp_request *request) MUST_CHECK;

/* Answer the pending request with the usual positive reply. */
void smtp_server_accept(struct smtp_server *s);

/**
 * Answer the pending request.
 *
 * @param code      three digits (RFC 5321 section 4.2); 2yz and 3yz accept, all others refuse
 * @param enhanced  its enhanced code, e.g. "5.7.1", or NULL where there is none
 * @param text      what a person reads; '\n' begins another line; other bytes than printable
 *                  ASCII are shown as '?'
 */
void smtp_server_reply(struct smtp_server *s, int code, const char *enhanced, struct slice text);

/* Answer SMTP_GOT_SASL with a challenge of at most SMTP_CHALLENGE_MAX octets; the client's answer to it is the next
 * SMTP_GOT_SASL. */
void smtp_server_challenge(struct smtp_server *s, struct slice message);

/* Between SMTP_GOT_DATA and SMTP_GOT_LETTER: discard the rest of the letter, say this reply at its
 * end and return SMTP_GOT_RESET. A text longer than SMTP_REFUSAL_MAX is cut. */
void smtp_server_discard(struct smtp_server *s, int code, const char *enhanced, struct slice text);

/* Say a last reply (421 for a time-out or shutdown) instead of an answer to what is pending; the
 * next call returns SMTP_GOT_END. */
void smtp_server_end(struct smtp_server *s, int code, const char *enhanced, struct slice text);

/* TLS stands after STARTTLS: forget everything the client said before (RFC 3207 section 4.2). */
void smtp_server_secured(struct smtp_server *s);

/* Nothing is under way, so the dialogue may be ended between two letters without harm. */
bool smtp_server_idle(const struct smtp_server *s);

/* The replies to send, and the statement that they were handed to the connection. */
static inline struct slice smtp_server_output(const struct smtp_server *s)
{
    return slice_of(s->out, s->out_len);
}

static inline void smtp_server_sent(struct smtp_server *s)
{
    s->out_len = 0;
}
