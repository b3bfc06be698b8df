/* keeper/approvals - what takes two persons.
 *
 * One asks: a record (RECORD_REQUEST) says exactly what is to be done. Another one, signed in with an account
 * of his own, approves it: a record says so, then it is done, then a record says that it was. What a crash leaves
 * approved and not done, the next start does. Each kind of request is a row of a table in approvals.c: who may
 * ask, who may approve, and the function that does it, which must find done what was done already.
 *
 * Two locks. `order` is held while a record of the docket is appended and folded, and while something is destroyed:
 * so nothing is destroyed past a hold that was recorded before. `lock` guards the docket in memory and is
 * held for moments. The first is taken before the second. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "keeper/disposal.h"
#include "keeper/docket.h"
#include "keeper/rule_proof.h"
#include "keeper/subject.h"
#include "ledger/reader.h"
#include "requests/approvals.h"

struct keeper;
struct keeper_admin;
struct retention_rules;

struct approvals {
    pthread_mutex_t order;
    pthread_mutex_t lock;
    pthread_mutex_t
        changing; /* an account: held from looking at it until it is written; before `order` */
    struct docket docket;
    struct trusted_clock clock;   /* under `lock` */
    struct disposal disposal;     /* under `doing` */
    struct subject subject;       /* likewise */
    struct erase_damaged damaged; /* likewise: met by the one that is being carried out */
    struct subjects_due due;      /* under `lock` */
    int64_t kept_at;              /* the thread's: when the clock was kept last, steady */
    _Atomic bool hurry;           /* there is something to be done in the background */
    pthread_mutex_t doing;        /* one request at a time is carried out */
    bool
        proven; /* under `order`: the docket is what the ledger itself says, see approvals_prove() */
    struct rule_proof rules; /* under `order`, and what follows: from the ledger itself ... */
    struct ledger_position proven_to; /* ... up to here */
    uint64_t disproved;               /* of which version the alarm was given; 0: of none */
};

enum carried {
    CARRIED_DONE,   /* now or earlier */
    CARRIED_MORE,   /* a part of it: go on at once */
    CARRIED_LATER,  /* try again: *e says why */
    CARRIED_FAILED, /* it can never be done: *e says why */
};

/* Do what was approved. `said` is set to what a person is told of it when it is done; when it failed, only if that is more
 * than *e says. */
typedef enum carried approvals_do(struct keeper *k, const struct docket_request *r,
                                  struct arena *arena, struct slice *said, struct error *e);

/* Fold what the catalog says there is; at the start. */
bool approvals_open(struct keeper *k, struct error *e) MUST_CHECK;
void approvals_close(struct keeper *k);

/**
 * Ask for something that another person must approve: it is recorded, and waits.
 *
 * @param request  kind, arguments, object and reason; the rest is filled in. `id` may be given
 * @param subject  the account that would gain by it and therefore cannot approve it, or empty
 * @param asked    filled, in the arena of the request
 * @return         false with ERROR_DENIED when nobody could approve it
 */
bool approvals_ask(struct keeper_admin *admin, struct request_record *request, struct slice subject,
                   struct arena *arena, struct admin_asked *asked, struct error *e) MUST_CHECK;

/* Append a record of the docket and fold it. */
bool approvals_record(struct keeper *k, uint16_t type, const struct cbor_schema *schema,
                      const void *value, struct error *e) MUST_CHECK;

/* The same with `order` held by the caller. */
bool approvals_record_held(struct keeper *k, uint16_t type, const struct cbor_schema *schema,
                           const void *value, struct error *e) MUST_CHECK;

/* Several records that are written already, in one commit. */
bool approvals_record_all_held(struct keeper *k, const struct ledger_record *records, size_t n,
                               struct error *e) MUST_CHECK;

/* Take and give `order`. */
void approvals_hold(struct keeper *k);
void approvals_let_go(struct keeper *k);

/* Have the docket be what the ledger itself says, whatever somebody did to the catalog: reads the heads of all
 * records, once in the life of a keeper. `order` is not held. */
bool approvals_prove(struct keeper *k, struct error *e) MUST_CHECK;

/* Whether a book of rules is what the ledger itself says, with `order` held and after approvals_prove(). False with
 * ERROR_BUSY, and an alarm, when it is not. */
bool approvals_prove_rules(struct keeper *k, const struct retention_rules *rules,
                           struct error *e) MUST_CHECK;

/* The holds that there are, as long as the arena lasts. */
struct docket_hold *approvals_holds(struct keeper *k, struct arena *arena);

/* What time it is, at the least: no clock that was set back makes a request wait longer. */
int64_t approvals_now(struct keeper *k);

void keeper_approvals(void *keeper); /* the thread that does what was left to do */

/* The functions of the kinds. */
approvals_do erase_approved;      /* erase.c */
approvals_do account_approved;    /* account_change.c */
approvals_do disposal_approved;   /* disposal.c */
approvals_do release_approved;    /* holds.c */
approvals_do subject_approved;    /* subject.c */
approvals_do delegation_approved; /* delegation_ask.c */
approvals_do factor_approved;     /* second_factor.c */
approvals_do contacts_approved;   /* contacts_export.c */
