/* bench/session - one SMTP client session of the load sender, over TLS that never blocks.
 *
 * The caller waits for the socket and calls session_advance(); what comes back is the one thing that
 * happened. Speaks AUTH PLAIN (RFC 4954) and sends MAIL, RCPT and DATA at once where the server
 * offers PIPELINING (RFC 2920). A certificate is not verified: this is a yardstick, not a client. */
#pragma once

#include <openssl/ssl.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/error.h"

#define SESSION_REPLY_MAX 8192

struct session_target {
    struct sockaddr_storage address;
    socklen_t address_len;
    SSL_CTX *tls;
    const struct sockaddr_storage *source; /* where connections come from; NULL: the system says */
    const char *user;                      /* for AUTH PLAIN; NULL: no AUTH */
    const char *password;
};

enum session_event {
    SESSION_WAIT,     /* nothing yet */
    SESSION_READY,    /* logged in: a letter may be sent */
    SESSION_ACCEPTED, /* 250: the next letter may be sent */
    SESSION_REFUSED,  /* any other answer to the letter; the next may be sent */
    SESSION_DENIED,   /* not logged in; session_auth() may try again */
};

enum session_phase {
    SESSION_CLOSED,
    SESSION_HANDSHAKE,
    SESSION_GREETING,
    SESSION_EHLO,
    SESSION_AUTH,
    SESSION_IDLE,
    SESSION_MAIL,
    SESSION_RCPT,
    SESSION_DATA,
    SESSION_BODY,
};

struct session {
    enum session_phase phase;
    int fd;
    SSL *ssl;
    bool pipelining;
    bool refused; /* the present letter's envelope */
    uint8_t replies[SESSION_REPLY_MAX];
    size_t n_replies;
    struct buf out; /* waits for room in the socket, from `sent` on */
    size_t sent;
    struct buf commands[3]; /* MAIL, RCPT, DATA where they may not go at once */
    struct buf letter;
    int64_t begun_ns;       /* when it began to connect */
    int64_t end_of_data_ns; /* when the last byte of the letter was written */
    char last_reply[200];   /* the last line that the server said, for messages */
};

/* Give the buffers their limits; the session is closed. */
void session_init(struct session *s);

/* Begin to connect. Returns false when there is no socket or no route. */
bool session_open(struct session *s, const struct session_target *t, struct error *e) MUST_CHECK;

/* Try to log in once more, after SESSION_DENIED. */
bool session_auth(struct session *s, const struct session_target *t, struct error *e) MUST_CHECK;

/* Begin to send a letter: s->letter holds its content with the final dot. */
bool session_send(struct session *s, const char *from, struct slice recipient,
                  struct error *e) MUST_CHECK;

/**
 * Go on as far as the socket lets.
 *
 * @return  false when the session broke or the server answered what cannot be gone on from
 */
bool session_advance(struct session *s, const struct session_target *t, enum session_event *event,
                     struct error *e) MUST_CHECK;

/* Does it wait for room to write (and not only for bytes to read)? */
bool session_wants_room(const struct session *s);

/* May bytes be waiting inside the TLS library, which the socket does not show? */
bool session_has_pending(const struct session *s);

/* Say QUIT and close at once. */
void session_close(struct session *s);
