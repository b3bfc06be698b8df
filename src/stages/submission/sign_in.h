/* stages/submission/sign_in - who one client is: passes on to `auth` what it says, and to the client what auth says.
 *
 * Knows no secret and judges nothing. One for each session and its thread's. What stands open at the
 * keeper is ended by sign_in_end(), whatever became of the dialogue. */
#pragma once

#include "formats/smtp/server.h"
#include "requests/auth.h"
#include "stages/submission/internal.h"

struct client_sign_in {
    struct submission *service;
    struct conn *conn;
    struct smtp_server *smtp;
    struct slice device; /* what the client's machine calls itself; the session's memory */
    uint64_t failures;
    bool done;      /* somebody is signed in */
    bool open;      /* `handle` stands for a session of the keeper's */
    bool last_said; /* auth has accepted, and the client is asked whether it accepts us */
    uint8_t handle[AUTH_SESSION_LEN];
    uint8_t connection[AUTH_EXCHANGE_LEN];
    uint8_t exchange[AUTH_EXCHANGE_LEN];
};

/* Begin with nobody signed in; what is given outlives it. */
void sign_in_init(struct client_sign_in *c, struct submission *service, struct conn *conn,
                  struct smtp_server *smtp);

/* Answer SMTP_GOT_AUTH. The caller wipes its input. */
void sign_in_credentials(struct client_sign_in *c, const struct smtp_credentials *said);

/* Answer SMTP_GOT_SASL. */
void sign_in_message(struct client_sign_in *c, const struct smtp_sasl *said);

/* End what stands open: the client gave up, or left. */
void sign_in_end(struct client_sign_in *c);
