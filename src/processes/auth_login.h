/* processes/auth_login - one sign-in from question to verdict, and one new verifier.
 *
 * Asks the keeper who the account is and has it open and record the session; everything else is
 * decided here. Thread-safe: a thread for every channel. */
#pragma once

#include "base/secret.h"

#include "config/settings.h"
#include "ipc/ipc.h"
#include "ipc/pool.h"
#include "requests/auth.h"

struct auth;

struct auth_options {
    const struct settings *(*settings)(void *context); /* those in force now */
    void *context;
    const struct secret *seal; /* of verifiers */
    uint64_t generation;       /* of the master key that it follows from */
    struct ipc_pool *keeper;
    struct ipc_pool *courier;   /* asks OpenID providers; NULL: nobody does */
    struct ipc_pool *directory; /* NULL: there is none */
    struct slice (*anchors)(
        void *context); /* PEM of who must have issued devices' certificates; NULL: nobody */
    int passwords;      /* the folder of the imported list of passwords; -1: there can be none */
};

/* NULL with ERROR_BUSY. What the options point at outlives it. */
struct auth *auth_new(const struct auth_options *options, struct error *e) MUST_CHECK;

/* Clients are shown this certificate (PEM) from now on. */
void auth_use_certificate(struct auth *a, struct slice chain);

/* Forget sign-ins that were begun and never ended; now and then. */
void auth_tidy(struct auth *a);

/* Nobody may be in a request. */
void auth_free(struct auth *a);

/* What each peer may ask; the context of both is the struct auth. */
extern const struct ipc_table auth_submission_table;
extern const struct ipc_table auth_keeper_table;

OWN_BY(auth, struct auth, auth_free)
