/* keeper/reseals - packs are made again in the background: those that a person named, and those of which enough was erased.
 * The order of a person is kept in the state, so that a restart goes on with it. */
#pragma once

#include "keeper/keeper.h"
#include "ledger/reseal.h"

/* What one thread knows of it, all zero at first; times are the steady clock's. */
struct reseals {
    struct ledger_reseal order; /* of a person */
    char text[80];              /* as the state has it; empty: there is none */
    struct ledger_reseal own;   /* what was erased */
    uint64_t erasures;          /* how many there were when that was last begun */
    bool begun;
    int64_t changed_at; /* when another was seen */
    int64_t next_at;
    int64_t pause_ms;
};

/* Make the next pack again, if one is to be; *records: how many records that added. */
void reseals_step(struct keeper *k, struct reseals *r, uint64_t *records);
