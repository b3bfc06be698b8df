/* keeper/contact_plan - what a directory's entries would make of the company's address book. For the keeper's own files.
 *
 * Pure: entries and the book in, changes out. What a person added or changed, and what another directory says, stays as it is; so does a decoy,
 * which nothing tells from such a one. One whose address is or was a decoy's in anybody's book comes as a decoy. */
#pragma once

#include "keeper/contact_book.h"

#define CONTACT_PLAN_MIN 5 /* so many going are no alarm below that */

enum contact_plan_kind {
    CONTACT_PLAN_ADD,
    CONTACT_PLAN_SET,
    CONTACT_PLAN_REMOVE,
    CONTACT_PLAN_KINDS
};

struct contact_change {
    enum contact_plan_kind kind;
    struct contact_row row; /* as it is to be; of a real one that goes, as it was */
};

struct contact_plan {
    struct contact_change *changes;
    size_t n_changes;
    size_t counts[CONTACT_PLAN_KINDS];
    size_t owned;    /* contacts of this directory that there are now */
    size_t left_out; /* no good address, named before, or said by a person or another directory */
};

/**
 * Make the plan; all in the arena but for texts, which look into the book or `there`.
 *
 * @param directory  its name
 * @param separator  of subaddresses; 0: there are none
 * @param there      its entries; of those with one address the first counts
 */
void contact_plan_make(const struct contact_book *b, struct slice directory, uint8_t separator,
                       const struct contact *there, size_t n, struct arena *arena,
                       struct contact_plan *out);

/* Whether so many would go that a person is to confirm it: more than a third, and at least CONTACT_PLAN_MIN, or all. */
bool contact_plan_is_alarming(const struct contact_plan *plan);
