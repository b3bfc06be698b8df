/* requests/permits - who in the company may ask what of keeper and reader over their sockets.
 *
 * The process that serves a request looks here before it answers (ipc_gate), with what the keeper
 * knows of the caller: the account that signed in, and the machine's user at the other end. What has
 * no row may be asked by nobody. The administrator runs the system and reads no letters but his own. */
#pragma once

#include "ipc/ipc.h"
#include "letter/account_role.h"

/* Whoever asks over a socket; lives in the arena of the request. */
struct caller {
    struct slice by;            /* for records: the account, or "uid 0" of who did not sign in */
    struct slice at;            /* the machine's user, "uid 0" */
    struct slice account;       /* empty: did not sign in */
    struct cbor_list addresses; /* texts: what the account may send as, its name first */
    uint64_t role;              /* enum account_role of the account; 0: did not sign in */
    bool machine;               /* root, or whoever runs the daemon: an administrator anyway */
};

/* keeper_caller: from reader. Who shows this pass? ERROR_DENIED when it is over. */
struct caller_ask {
    struct slice pass; /* empty: none was shown */
    uint64_t uid;
};

extern const struct ipc_message keeper_caller;

/* caller_pass: over both sockets. Speak for whoever signed in and got this pass, from now on.
 * ERROR_DENIED when it is over. */
struct caller_pass_ask {
    struct slice pass; /* AUTH_SESSION_LEN bytes */
};

extern const struct ipc_message caller_pass;

struct permit {
    const struct ipc_message *message;
    const char *verb; /* what a person calls it, for sentences and records */
    unsigned roles;   /* bits: PERMIT_TO(role), or PERMIT_ANYBODY */
    bool own;         /* whoever has an account, as far as it is about letters of his own */
};

#define PERMIT_ANYBODY  1u
#define PERMIT_TO(role) (1u << (role))

/* The row of a message, or NULL. */
const struct permit *permit_find(const struct ipc_message *message);

/* Whether that is refused to an account while it is suspended: what takes contacts along, and what opens a door that stays open
 * when it is released. */
bool permit_ends_with_suspension(const struct ipc_message *message);

/**
 * May this caller ask this?
 *
 * @param role  set to the role that allows it: the account's before the machine's; 0 for what
 *              anybody may, and ACCOUNT_EMPLOYEE for who may only about letters of his own
 * @return      false with ERROR_DENIED and a sentence that says who may, or how to sign in
 */
bool permit_allows(const struct permit *p, const struct caller *caller, uint64_t *role,
                   struct error *e) MUST_CHECK;
