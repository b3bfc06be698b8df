/* stages/submission/submission - takes letters from mail clients (RFC 6409, RFC 8314).
 *
 * Owns the connections that are handed to it, a thread each; speaks SMTP with the client, proves
 * the client's user through `auth`, hands whole letters to `keeper` and says to the client what the
 * keeper said. Decides nothing about a letter itself but what the protocol decides: syntax, order,
 * size, end of letter. TLS runs here, its private key is in `signer`. No files, no other network.
 *
 *     connection ─ admission ─ TLS ─ EHLO ─ AUTH ──► auth ─► session handle
 *                                     └ MAIL RCPT DATA ─ collect ─ sealed memory file ──► keeper
 *
 * Thread-safe. */
#pragma once

#include "base/own.h"

#include "config/settings.h"
#include "host/address.h"
#include "host/conn.h"
#include "ipc/pool.h"
#include "requests/keeper.h"

struct submission;

/* Another way in than a mail client's: who comes in by it signs in otherwise or not at all. Functions are called from
 * the sessions' threads. */
struct submission_door {
    void *context;
    uint64_t
        size_limit; /* of letters that are recorded as they are, with lines of any length; 0: as of mail clients */
    /* Whether an address may connect. */
    bool (*admits)(void *context, const struct address *from);
    /* Whether who has connected may send now that TLS stands, asked at each MAIL; NULL: everybody. */
    bool (*passes)(void *context, const struct conn *c);
    /* Whether the name and password are right; NULL: nobody signs in. */
    bool (*sign_in)(void *context, struct slice user, struct slice password);
    /* Whether a recipient is one of the door's; NULL: every one. */
    bool (*knows)(void *context, struct slice recipient);
    /* Take a whole letter, with what the keeper would be asked; *answer is filled when true comes back. */
    bool (*take)(void *context, const struct conn *c, struct keeper_submit_ask *ask, int fd,
                 struct arena *arena, struct keeper_submit_answer *answer, struct error *e);
};

struct submission_options {
    const struct settings *(*settings)(void *context); /* those in force now; they never change */
    void *context;
    struct ipc_pool *keeper;
    struct ipc_pool *auth;
    struct ipc_pool *signer;
    int stop_fd;                        /* readable once sessions shall end between two letters */
    const struct submission_door *door; /* NULL: mail clients come in */
};

/* Everything in the options outlives the result. */
struct submission *submission_new(const struct submission_options *o)
    __attribute__((returns_nonnull));

/* Nobody may be connected. NULL is fine. */
void submission_free(struct submission *s);

/**
 * Show this certificate in handshakes from now on; connections that stand go on with theirs.
 *
 * @param chain    PEM, leaf first
 * @param clients  PEM of who may have issued clients' certificates; empty: none is asked for
 * @return       false with ERROR_CONFIG when it cannot be used or the signer has another key,
 *               ERROR_BUSY when the signer does not answer: the one before stays
 */
bool submission_use_certificate(struct submission *s, struct slice chain, struct slice clients,
                                struct error *e) MUST_CHECK;

/* Take over a client's connection: a thread of its own serves it to its end, or it is turned away.
 * Returns at once. */
void submission_take(struct submission *s, int fd, bool implicit_tls);

/* Wait until the last connection has ended, up to the deadline (of clock_steady_ms()); how many
 * there still are. */
size_t submission_wait(struct submission *s, int64_t deadline_ms);

OWN_BY(submission, struct submission, submission_free)
