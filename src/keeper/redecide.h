/* keeper/redecide - what a letter's policy holds is decided once more, by what is known of its recipients now.
 *
 * Only what a policy alone holds, of which nothing was tried and about which nobody gave an order: not what a suspension, a scanner, a password
 * in its text or a second person keeps back, nor a letter that ever needed one, for he approved the copy that there was. When
 * there is no way still, it stays held, for today's reason; nothing goes back to its sender by this. Thread-safe. */
#pragma once

#include "keeper/queue.h"
#include "letter/findings.h"

struct keeper;

/* Who orders it, or for whom it is looked at. */
struct redecide_order {
    struct slice by, at; /* as in an act; an empty `by`: it is looked at by itself */
    uint64_t role;
    struct slice reason;
    /* By itself: whether there is something new of that recipient since `decided_at`, wall milliseconds. Then what says the same as before
     * is not recorded, and nothing leaves whose content is not hidden. NULL: all that the policy holds is decided. */
    bool (*is_new)(void *context, struct slice address, uint64_t decided_at);
    void *context;
};

/* What came of it. */
struct redecide_done {
    bool decided;        /* false: there was nothing to decide, or nothing new in it */
    uint64_t sent, held; /* recipients */
    struct slice reason; /* of the first who is held; in the arena */
};

/**
 * Decide a letter once more.
 *
 * @param e  ERROR_BUSY: it cannot be decided now, or somebody gave an order meanwhile; ERROR_LIMIT: it was decided too often
 */
bool redecide_letter(struct keeper *k, const struct letter_id *id,
                     const struct redecide_order *order, struct arena *arena,
                     struct redecide_done *done, struct error *e) MUST_CHECK;

/* Any parcel of a letter that is in the queue, a reference; NULL: it is not. */
struct parcel *redecide_find(struct keeper *k, const struct letter_id *id);

/* Whether the ruling says that a policy alone holds it: nothing else is among its reasons, wherever it stands. */
bool redecide_is_policys(const struct ruling *r);

/* Whether less of a letter was read now than when it was decided: then a policy's conditions, and the look for passwords, may miss what they
 * met then. */
bool redecide_reads_less(const struct findings *then, const struct findings *now);
