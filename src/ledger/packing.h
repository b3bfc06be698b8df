/* ledger/packing - one segment becomes a pack. For ledger/'s own files; the caller holds l->packing. */
#pragma once

#include "ledger/writer.h"

/* Replace this segment, which has a successor. On failure it stays. */
bool packing_number(struct ledger *l, uint32_t number, struct error *e) MUST_CHECK;

/* Whether a segment of this number is there. */
bool packing_is_segment(const struct ledger *l, uint32_t number);

/* Take the lock against backups; the caller closes *lock, which may be -1. ERROR_BUSY while one is made. */
bool packing_lock_out_backups(const struct ledger *l, int *lock, struct error *e) MUST_CHECK;
