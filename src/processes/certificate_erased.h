/* processes/certificate_erased - of all erasures of a ledger those that removals of one request say why of.
 *
 * Eats what ledger_heads() passes, in its order. What belongs to others takes no memory that stays: a ledger has
 * many more erasures than a certificate. One thread. */
#pragma once

#include "ledger/heads.h"
#include "processes/certificate.h"

/* An erasure of ours, and whether its keys' end is recorded. */
struct certificate_erasure {
    uint64_t seq;
    bool done;
};

/* All zero before certificate_erased_begin(). */
struct certificate_erased {
    struct certificate
        *c; /* the caller's; receives erasures, their ends and the destroyed records' numbers */
    uint64_t *removals; /* ascending */
    size_t n_removals, removals_room, next;
    struct arena arena; /* erasures that stand together, of which nobody knows yet whose they are */
    struct opened *run;
    size_t n_run, run_room;
    struct certificate_erasure *erasures; /* ascending */
    size_t n_erasures, room, n_done;
};

/* Take the removals from what `c` has. */
void certificate_erased_begin(struct certificate_erased *w, struct certificate *c);

/* A ledger_visit. False with ERROR_LIMIT when it is too much for one certificate. */
bool certificate_erased_visit(void *walk, const struct ledger_passed *p,
                              struct error *e) MUST_CHECK;

/* Free; w may be begun again. */
void certificate_erased_done(struct certificate_erased *w);
OWN_VALUE(certificate_erased, struct certificate_erased, certificate_erased_done)
