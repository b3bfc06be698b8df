/* ledger/erased - which records the ledger's own records name as erased. For ledger/'s own files; the caller holds l->packing.
 *
 * A key that is missing does not tell it: its file may be damaged, and be put back from a backup. */
#pragma once

#include "ledger/erasing.h"

/* Have l->erased hold them all, ascending and apart. The ledger's heads are read once, at the first call. False with ERROR_CORRUPT
 * when they are damaged, ERROR_BUSY when the disk fails. */
bool erased_know(struct ledger *l, struct error *e) MUST_CHECK;

/* These were recorded. */
void erased_note(struct ledger *l, const struct erasures *all);

/* Whether these were recorded is not known. */
void erased_forget(struct ledger *l);
