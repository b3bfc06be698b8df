/* keeper/disposal - letters whose time is over are destroyed, when two persons said so.
 *
 * Previewed, asked for, approved, and then done in the background, batch by batch: whether each letter's time is
 * over, whether it is held and whether the clock can be believed is looked at again under the lock that
 * orders holds and destruction. How far it came is in memory alone: after a crash it begins again, what is gone is
 * not there any more, and how much that was the ledger says. */
#pragma once

#include "base/error.h"

#include "keeper/erase.h"
#include "letter/disposal.h"
#include "stages/retention/disposal.h"

struct arena;
struct catalog;
struct classes;
struct docket_request;
struct keeper;

/* Holds that kept letters of it, as they were met. */
struct disposal_held {
    struct {
        char name[HOLD_NAME_MAX + 1];
        uint64_t letters;
    } list[DISPOSAL_HOLDS_MAX];

    size_t n;
    bool more;
};

/* Where a disposal under way stands; the thread's own. */
struct disposal {
    struct disposal_record counts; /* `request` looks at `id` */
    uint8_t id[LETTER_ID_LEN];
    struct disposal_held held;
    uint64_t next;    /* letters from this record on are still to be looked at */
    uint64_t doubted; /* that stay since they cannot be judged */
    uint64_t altered; /* that stay whatever the catalog says */
};

/* Which time it is believed to be: at the start, and from time to time. What is believed is kept in the state. */
bool disposal_clock_open(struct keeper *k, struct error *e) MUST_CHECK;
void disposal_clock_step(struct keeper *k);
void disposal_clock_keep(struct keeper *k);
struct trusted_clock disposal_clock_now(struct keeper *k);

/* False with ERROR_BUSY, and what to do, when it is doubted. */
bool disposal_clock_believed(const struct trusted_clock *clock, struct error *e) MUST_CHECK;

/* How many letters went by a disposal since its beginning, which is recorded: what was removed for it, as the ledger says. */
bool disposal_count_destroyed(struct keeper *k, const struct docket_request *r, uint64_t *destroyed,
                              struct error *e) MUST_CHECK;

/* The last stamp of a letter, which the catalog names; *ruled says whether it has one. Lists from the arena. */
bool disposal_stamp(struct keeper *k, struct catalog *c, uint64_t seq, struct arena *arena,
                    struct classes *classes, bool *ruled, struct error *e) MUST_CHECK;
