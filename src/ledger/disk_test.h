/* ledger/disk_test - a disk that remembers what a power cut may leave of it: the ledger's calls are
 * carried out and noted; afterwards the folder can be made as it might be had the power gone after
 * any of them. Tests only, one thread.
 *
 * What was written since a file's last sync is there or not, sector by sector; a length or a name that
 * was changed since the last sync is the old or the new one. After a sync that failed, the pages
 * count as clean though the disk does not have them: a later sync says "done" without them, until
 * they are written again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define DISK_OPS_MAX 2000

/* What the power cut leaves of what was not synced. */
enum disk_rest { DISK_NOTHING, DISK_EVERYTHING, DISK_SOME };

enum disk_mode {
    DISK_NOTES,
    DISK_PASSES, /* carries calls out without noting them, and does not take the time to sync */
    DISK_DEAD,   /* the process has died: no call has an effect any more */
};

/* From here on the ledger's calls go through this, and are noted. disk_done() undoes it and forgets. */
void disk_begin(void);
void disk_done(void);

/* What happens to the calls from now on. */
void disk_mode(enum disk_mode mode);

/* How many calls were noted so far. */
unsigned disk_calls(void);

/* Let `count` calls fail from the `from`-th on. A sync that fails has written nothing. */
void disk_fail(unsigned from, unsigned count);

/* Fill an empty folder as the disk might be, had the power gone after so many calls. */
void disk_cut(unsigned calls, enum disk_rest rest, unsigned seed, int dirfd);
