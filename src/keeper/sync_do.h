/* keeper/sync_do - a plan made true: each change a record, then the account. For the keeper's own files. */
#pragma once

#include "keeper/sync_plan.h"

struct keeper;

/* What may be said against an address; the context is a struct sync_judge. */
struct sync_judge {
    struct keeper *keeper;
    struct arena *arena;
    struct error
        failure; /* kind set: the state could not be asked, and the plan is not to be done */
};

/* What may be said against the address for that account, as struct sync_scene wants it. */
enum sync_objection sync_object(void *judge, struct slice account, struct slice address);

/**
 * Do all of the plan, in groups: what is recorded and not yet done at a crash is planned again.
 *
 * @param done  set to how many changes were made
 * @return      false when ledger or state could not be written
 */
bool sync_do(struct keeper *k, const struct sync_plan *plan, struct slice directory, size_t *done,
             struct error *e) MUST_CHECK;

/* End what the closed accounts of that directory have left, if a crash or a full disk left something: keeper/leavers. `accounts` are all there are. */
bool sync_end_closed(struct keeper *k, const struct account *accounts, size_t n,
                     struct slice directory, struct error *e) MUST_CHECK;
