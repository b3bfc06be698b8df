/* ledger/sweep - files of objects that no pack names any more go, when no record refers to them. For ledger/'s own files; the caller
 * holds l->packing. */
#pragma once

#include "ledger/writer.h"

struct sweep;

/**
 * Look at one more pack, or, when all were looked at, remove what nothing refers to.
 *
 * @param more  set to whether there is more to do: call again. What is packed meanwhile has it begin again
 * @return      false when a pack cannot be read: nothing is removed
 */
bool sweep_step(struct ledger *l, bool *more, struct error *e) MUST_CHECK;

/* Free what a step left. NULL is fine. */
void sweep_free(struct sweep *s);
