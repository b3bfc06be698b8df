/* stages/submission/internal - what the files of the stage share. */
#pragma once

#include <pthread.h>

#include "host/conn.h"
#include "host/hands.h"
#include "host/tls.h"
#include "ipc/budget.h"
#include "stages/submission/admission.h"
#include "stages/submission/endings.h"
#include "stages/submission/submission.h"

/* How long the process that is asked may take, waiting for a free channel included. */
#define SIGN_WITHIN_MS      10000
#define LOGIN_WITHIN_MS     20000
#define SUBMIT_WITHIN_MS    120000
#define RECIPIENT_WITHIN_MS 20000

struct submission {
    struct submission_options options;
    struct admission *admission;
    struct hands *hands;      /* one for each session */
    struct endings *endings;  /* NULL at a door */
    struct ipc_budget budget; /* bytes of letters that are being received */
    pthread_mutex_t lock;
    struct tls_server *tls; /* guarded by lock; NULL before the first certificate */
};

/* Serve an admitted connection to its end, and free it. */
void session_serve(struct submission *service, struct conn *c, bool implicit_tls);

/* A reference to the TLS context in force. */
struct tls_server *submission_tls(struct submission *s);

/* Whether the sessions shall end. */
bool submission_stopping(const struct submission *s);

/* "5.7.1 Sentence" as the keeper says it; *enhanced is empty when the text has none. */
struct slice submission_split_status(struct slice text, char *enhanced, size_t size);

/* A tls_sign that asks the signer; the context is its struct ipc_pool. */
bool signing_ask(void *signer, const struct tls_sign_request *r, struct buf *signature,
                 struct error *e);
