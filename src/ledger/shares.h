/* ledger/shares - which parts the bodies of a pack that is made have in common with each other and with
 * those of packs before it, and the file in which each is stored once. For ledger/'s own files.
 *
 * An attachment is always stored apart, so that a later pack can refer to it; other parts when they occur
 * twice. Equality is by digest, confirmed by the bytes. Belongs to one thread; keys are wiped when freed. */
#pragma once

#include "ledger/objects.h"
#include "ledger/pack_format.h"

struct shares;

/* For the pack of that number. The folders stay the caller's. */
struct shares *shares_new(int dirfd, int keys_dirfd, const struct secret *ledger_key,
                          uint32_t number, const uint8_t ledger_id[static LEDGER_ID_LEN])
    __attribute__((returns_nonnull));
void shares_free(struct shares *x);
OWN_BY(shares, struct shares, shares_free)

/* Know what the packs before refer to and what was not erased. What cannot be read is not known. */
void shares_load(struct shares *x);

/* First look at a body. */
void shares_see(struct shares *x, struct slice body);

/* Whether there is something to share: then call shares_create() and, after the last body,
 * shares_finish(). NULL: no. */
bool shares_any(const struct shares *x);

/* Begin the file, under the name that it has until the pack is in force. */
bool shares_create(struct shares *x, mode_t mode, struct error *e) MUST_CHECK;

/**
 * Take the parts out of a body that are stored apart, and store those that are new.
 *
 * @param index       of the record in its pack, and its key
 * @param record_key  of that record
 * @param front       set to what stands before the compressed rest; empty: the body is sealed as it is
 * @param rest        set to the rest of the body. Both live until the next call
 */
bool shares_take(struct shares *x, uint32_t index, const uint8_t record_key[static KEYRING_KEY_LEN],
                 struct slice body, struct slice *front, struct slice *rest,
                 struct error *e) MUST_CHECK;

/* End the file, durably; its row is set. */
bool shares_finish(struct shares *x, struct pack_row *row, struct error *e) MUST_CHECK;
