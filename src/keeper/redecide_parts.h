/* keeper/redecide_parts - what redecide.c and redecide_commit.c share of a letter that is decided once more. */
#pragma once

#include "keeper/develop.h"
#include "keeper/redecide.h"

/* One letter that is decided once more. */
struct redeciding {
    struct keeper *keeper;
    const struct redecide_order *order;
    struct letter letter;   /* its parcel is a new one, for the new entries */
    struct decision before; /* with all redecisions so far */
    uint64_t decided_at;
    size_t n_again;
    bool stuck[LETTER_RECIPIENTS_MAX]; /* rulings, as the queue says */
    bool *picked;                      /* those that are replaced, */
    bool *only;                        /* and their recipients */
    size_t n_picked;
};

/* Whether its sender is suspended now. */
bool redecide_is_suspended(const struct redeciding *x);

/* What was decided, and its copies, in the place of what was picked: in one commit, and in the queue. ERROR_BUSY when something else was
 * ordered meanwhile. `old` is any parcel of the letter that the queue has. */
bool redecide_settle(struct redeciding *x, struct parcel *old, struct error *e) MUST_CHECK;
