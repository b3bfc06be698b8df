/* ledger/packing - one segment becomes a pack. For ledger/'s own files; the caller holds l->packing. */
#pragma once

#include "ledger/pack.h"
#include "ledger/writer.h"

/* Replace this segment, which has a successor. On failure it stays. */
bool packing_number(struct ledger *l, uint32_t number, struct error *e) MUST_CHECK;

/* Whether a segment of this number is there. */
bool packing_is_segment(const struct ledger *l, uint32_t number);

/* Take the lock against backups; the caller closes *lock, which may be -1. ERROR_BUSY while one is made. */
bool packing_lock_out_backups(const struct ledger *l, int *lock, struct error *e) MUST_CHECK;

/* Whether the segment of this number counts, whatever there is of its pack: it is there, and its header reads. */
bool packing_counts(const struct ledger *l, uint32_t number);

/* Call for each file of a folder. */
bool packing_each(int dirfd, bool (*visit)(void *context, const char *name, struct error *e),
                  void *context, struct error *e) MUST_CHECK;

/* Remove a file, which may be missing; rename one in the ledger's folder, durably; bring the folder's names to the disk. */
bool packing_remove(int dirfd, const char *name, struct error *e) MUST_CHECK;
bool packing_rename(const struct ledger *l, const char *from, const char *to,
                    struct error *e) MUST_CHECK;
bool packing_sync(const struct ledger *l, struct error *e) MUST_CHECK;

/* Give the objects that were made with a pack, if any, their name. */
bool packing_rename_objects(const struct ledger *l, const struct pack_made *made,
                            struct error *e) MUST_CHECK;

/* Record that this pack is in force instead of what had that digest. */
bool packing_record(struct ledger *l, const struct pack_head *head,
                    const uint8_t replaced[static DIGEST_LEN], struct error *e) MUST_CHECK;
