/* keeper/retention_look - what the rules say of a letter that is in the ledger already.
 *
 * The catalog says where its records stand; that they are this letter's they say themselves. What cannot be read of
 * it counts as holding every word, finding and label that a rule names. */
#pragma once

#include "catalog/catalog.h"
#include "keeper/retention.h"

struct retention_looker {
    struct keeper *k;
    struct catalog *catalog;
    struct arena *arena; /* what is found out lives there */
    bool
        hurried; /* what the disk does not give counts as not to be read, and is waited for no longer */
    bool doubted;     /* set: something of it could not be read ... */
    struct error why; /* ... for this reason */
};

/**
 * Judge a letter anew.
 *
 * @param out  as retention_judge_letter() says it
 * @return     false with ERROR_CORRUPT when its facts cannot be read or are another letter's, ERROR_INPUT when it
 *             was erased, ERROR_BUSY when the disk fails
 */
bool retention_look_again(struct retention_looker *w, const struct catalog_letter *l,
                          const struct retention_rules *rules, struct classes *out,
                          struct error *e) MUST_CHECK;
