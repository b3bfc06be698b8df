/* stages/delivery/internal - what session.c (opening) and send.c (letters) share. */
#pragma once

#include "base/buf.h"

#include "formats/smtp/client.h"
#include "host/conn.h"
#include "stages/delivery/session.h"

#define SESSION_IN_MAX  8192  /* replies not yet read: several lines of a pipelining server */
#define SESSION_OUT_MAX 32768 /* of a letter, gathered for one write: two TLS records */

struct session {
    const struct session_settings *settings;
    struct session_peer peer;
    struct conn *conn;
    struct smtp_client client;
    struct buf in;
    struct buf out;
    uint64_t letters;
    int64_t opened_ms;
    int64_t end_ms;  /* of opening, of the letter in hand; beyond it the server gets no more time */
    bool broken;     /* the dialogue cannot go on: close without QUIT */
    bool lost;       /* the connection broke or the server was silent */
    bool tls_failed; /* a handshake broke it */
    bool disproved;  /* its certificate is not the one that the domain means */
    bool breaks_promise;    /* it passes no REQUIRETLS on, and this session needs that */
    bool too_weak;          /* it offers less than the level demanded */
    char host[256];         /* what peer.host looks into */
    uint8_t published[256]; /* likewise peer.proof.published */
    size_t helo_len;
    uint8_t helo[255];
};

/**
 * Exchange commands and replies until something happened.
 *
 * @param timeout_ms  for all of it, and never beyond the attempt's end
 * @return            never SMTP_CLIENT_WAIT; SMTP_CLIENT_BROKEN with *e also for a lost connection
 *                    and for silence
 */
enum smtp_client_event session_step(struct session *s, int64_t timeout_ms,
                                    struct error *e) MUST_CHECK;

/* The deadline of something that may take so long within the attempt. */
int64_t session_deadline_ms(const struct session *s, int64_t timeout_ms);

/* The outcome that a reply means: `about` is the subject and detail ("1.0") of the enhanced status
 * when the server gave none. */
struct recipient_outcome outcome_of_reply(const struct smtp_reply *reply, const char *about,
                                          struct arena *arena);
