/* keeper/copying - the ladder: decide a letter, make the copies that the decision wants, and decide again where one cannot be had.
 *
 * What a method says of a recipient it cannot protect the letter for becomes one more fact about him, and the policy is asked anew: it alone
 * says what the next step is, and records why. So no step is taken that it does not name, and nobody else's is another because
 * of him. What cannot be had now delays the letter, for as long as a letter waits; then his policy comes to its end, and no lower step is
 * taken. Nothing is recorded here. */
#pragma once

#include "keeper/copy_make.h"
#include "keeper/parcel.h"
#include "stages/policy/policy.h"

#define COPIES_MAX       200                   /* of one letter */
#define COPIES_BYTES_MAX ((uint64_t)160 << 20) /* of those that are recorded whole, together */

/* policy_decide(). */
typedef void copying_policy(const struct policy_letter *known, const struct settings *settings,
                            struct arena *arena, struct decision *out);

struct copying {
    struct copy_source source;
    copying_policy *policy;
    struct leaving *copies;
    size_t n_copies;
    uint64_t whole_bytes; /* of those that are literal */
    bool waits; /* none was made, because recipients are being told passwords (keeper/telling) */
    const bool *only; /* of each recipient: whether he is decided; NULL: all are */
    uint64_t before;  /* how many copies of the letter were made by decisions before */
    bool
        over; /* the letter has waited for as long as one does: what cannot be had now ends the policy of who wants it */
};

/**
 * Decide and make.
 *
 * @param c       with a source that copy_source_init() began; copying_done() in any case
 * @param known   as for policy_decide(); its states are these
 * @param states  what is known of the recipients, changed where a method cannot
 * @param out     each ruling names its copy, where there are several
 * @return        false when a copy cannot be had now
 */
bool copying_decide(struct copying *c, const struct policy_letter *known,
                    struct recipient_state *states, struct decision *out,
                    struct error *e) MUST_CHECK;

/* Write the copies to memory for their first attempts. */
bool copying_keep(struct copying *c, struct error *e) MUST_CHECK;

/* Number the copies, and have the rulings name them, behind those that were made before. Once, before they are recorded. */
void copying_number(struct copying *c, struct decision *d);

/* They are recorded, one record behind the other: give them to the parcel. */
void copying_hand_over(struct copying *c, struct parcel *p, const struct ledger_ref *refs);

/* Give back what was made and not handed over. A zeroed one is fine but for its bare_fd, which is -1. */
void copying_done(struct copying *c);

OWN_VALUE(copying, struct copying, copying_done)
