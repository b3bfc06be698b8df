/* requests/approvals - what takes two persons: asked for by one, approved by another, over the control
 * socket of the keeper. */
#pragma once

#include "ipc/ipc.h"
#include "letter/approval.h"

#define APPROVALS_LISTED_MAX 1000

/* The answer to what was asked for and now waits; all empty when it was done at once. */
struct admin_asked {
    struct slice id; /* of the request */
    uint64_t expires_at;
    struct slice who; /* the accounts that may approve it: "anna@example.test, bob@example.test" */
    struct slice object; /* what will be done then */
    bool wants_proof;    /* nothing was done: ask again with a struct desk_proof */
};

extern const struct cbor_schema admin_asked_schema;

/* admin_requests: what waits, and what was approved and could not be carried out yet. */
struct admin_request {
    struct slice id;
    uint64_t kind; /* enum request_kind */
    struct slice object;
    struct slice by;
    uint64_t role;
    struct slice reason;
    uint64_t asked_at;
    uint64_t expires_at;
    struct slice approved_by; /* empty: it waits */
    struct slice approved_for;
    struct slice who; /* as in admin_asked */
};

struct admin_requests_answer {
    struct cbor_list requests; /* the oldest first */
};

extern const struct ipc_message admin_requests;

/* admin_verdict: approve, refuse or withdraw. What is approved is carried out before the answer, if it can
 * be now. */
struct admin_verdict_ask {
    struct slice id;
    uint64_t verdict; /* VERDICT_APPROVED, _REFUSED or _WITHDRAWN */
    struct slice reason;
};

struct admin_verdict_answer {
    uint64_t
        state; /* VERDICT_DONE, VERDICT_FAILED, or the verdict: approved and still to be carried out */
    struct slice said;
    struct slice object;
};

extern const struct ipc_message admin_verdict;
