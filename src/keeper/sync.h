/* keeper/sync - accounts kept as directories say: read by the directory process, planned by sync_plan, recorded and done here.
 *
 * A thread synchronises each [directory] at its interval; a person may have it done, or look what would be done. Nothing here
 * outlives the process but what is in accounts and records. Thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "requests/directory.h"

struct keeper;
struct syncs;

/* Make one in which every directory is due. */
struct syncs *syncs_new(void) __attribute__((returns_nonnull));

/* Nobody may be synchronising. NULL is fine. */
void syncs_free(struct syncs *s);

void keeper_sync(void *keeper); /* a thread */

/* Who ordered a synchronisation, and how. */
struct sync_order {
    struct slice directory;
    bool test;      /* change nothing */
    uint64_t close; /* accounts that may be closed though they are many */
    uint64_t drop;  /* likewise, contacts that may go */
};

/**
 * Read, plan and do it; one at a time.
 *
 * @param report  filled in, in the arena; `failure` says why it did not come to its end
 * @return        false with ERROR_INPUT when there is no such section
 */
bool sync_run(struct keeper *k, const struct sync_order *order, struct arena *arena,
              struct directory_report *report, struct error *e) MUST_CHECK;
