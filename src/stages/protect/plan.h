/* stages/protect/plan - in which copies a letter leaves, and who gets which.
 *
 * Nothing protects the content for some, whose files are not cleaned either: they get the first copy. Who shares a method and whether
 * files are cleaned shares a copy, in whatever domain; who is to
 * have a copy of his own (a Bcc, or one with a secret of his own) has one, and therefore a ruling of his own. Pure. */
#pragma once

#include "base/arena.h"

#include "letter/records.h"

struct plan_copy {
    uint64_t method;      /* enum rung; 0: nothing protects its content */
    uint64_t clean;       /* enum ruling_clean of those who get it */
    uint16_t *recipients; /* indexes into those of the facts; of a copy without method left out */
    size_t n_recipients;
};

struct plan {
    struct plan_copy *copies; /* number i + 1 each; at least one */
    size_t n_copies;
};

/**
 * Plan, and say in each ruling which copy its recipients get. Where nothing is protected the decision stays as it is.
 *
 * @param d             its rulings are divided where needed, in their order; it and the plan live in the arena
 * @param own           for each recipient of the facts, whether he is to have a copy of his own when it is protected
 * @param n_recipients  of the facts
 * @return              false with ERROR_CORRUPT when a ruling names a recipient too many
 */
bool plan_copies(struct decision *d, const bool *own, size_t n_recipients, struct arena *arena,
                 struct plan *out, struct error *e) MUST_CHECK;
