/* ledger/reseal - packs are made again: fresh keys, the present format, without what was erased. The numbered invariants stand in
 * reseal.c. May be called by any thread. */
#pragma once

#include "ledger/ledger.h"

#define LEDGER_RESEAL_LOOKS 64 /* packs that one ledger_reseal() looks at */

/* Which packs are made again, and how far that is. */
struct ledger_reseal {
    int64_t made_before_ms; /* none that was made at or after that; INT64_MAX: whenever */
    int64_t before_ms;      /* of those, all whose last record is older; INT64_MIN: none for that */
    unsigned
        erased_percent; /* and all of which at least so much is erased, 1 to 100; 0: none for that */
    uint32_t next;      /* number of the next one to look at; 0 at first, set */
    bool done;          /* set: there is none behind */
};

/**
 * Make the next pack that an order names again: its records are sealed under fresh keys in the present format, and what was
 * erased is left out, which gives back its space. Leaves do not change.
 *
 * Reads the pack twice, writes it and reads it again: for a thread in the background. Appending goes on meanwhile; packing and
 * erasing wait.
 *
 * When none is left, files of objects are removed that no record refers to any more.
 *
 * @param did  set to whether one was made. Neither `did` nor order->done: call again
 * @return     as ledger_pack(): what was in force stays in force. order->next is then the one that failed
 */
bool ledger_reseal(struct ledger *l, struct ledger_reseal *order, bool *did,
                   struct error *e) MUST_CHECK;

/* How many packs had records erased since the ledger was opened. */
uint64_t ledger_erasures(const struct ledger *l);
