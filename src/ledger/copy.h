/* ledger/copy - what of a ledger's files a copy needs, for backups.
 *
 * Segments become packs and key files are rewritten while a ledger is written. Who copies it holds a lock
 * meanwhile, which packing and erasing respect: what is there when it is taken stays until it is closed.
 * The folder of record keys may be -1: then the ledger has no packs. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Take the lock, a descriptor that the caller closes. False with ERROR_BUSY while records are being packed or
 * erased: that is short. */
bool ledger_copy_lock(int record_keys, int *lock, struct error *e) MUST_CHECK;

/* Whether a copy of the ledger up to segment `last` needs this file of its folder. A segment that is there
 * counts, and what there may be of its pack does not. */
bool ledger_copy_needs(int dirfd, const char *name, uint32_t last);

/* The same of a file of the folder of record keys. */
bool ledger_copy_needs_key(int dirfd, const char *name, uint32_t last);
