/* ledger/record_keys - the keys of a pack's records, which can be destroyed one by one. For ledger/'s
 * own files.
 *
 * docs/ledger-format.md section 12: a tree of seeds of which, at first, the root alone is kept. Erasing a
 * record leaves the seeds beside its path, so what is kept stays small however many records there are.
 * A struct record_keys belongs to one thread; its memory is wiped when it is freed. */
#pragma once

#include "ledger/internal.h"

#define KEYS_NAME_MAX 32
#define KEYS_HEAD_LEN 72
#define KEYS_SEED_LEN 37

struct record_keys;

/* What a key file says of itself; must be what the pack says. */
struct record_keys_head {
    uint32_t number;
    uint16_t making; /* of the pack; part of the file's name alone */
    uint8_t ledger_id[LEDGER_ID_LEN];
    uint8_t pack_id[KEYRING_ID_LEN];
    uint64_t generation;
};

/* The key that key files are sealed under. */
struct secret *record_keys_sealing(const struct secret *ledger_key)
    __attribute__((returns_nonnull));

/* New keys for so many records, 1 or more. */
struct record_keys *record_keys_new(uint32_t records) __attribute__((returns_nonnull));

/* Wipe and free. NULL is fine. */
void record_keys_free(struct record_keys *k);
OWN_BY(record_keys, struct record_keys, record_keys_free)

/* The key of the record with that index. False when it was erased. */
bool record_keys_get(struct record_keys *k, uint32_t index, uint8_t key[static KEYRING_KEY_LEN])
    __attribute__((warn_unused_result));

/* Forget the key of that record; whether there was one. */
bool record_keys_erase(struct record_keys *k, uint32_t index);

/* Whether a file holds as many seeds as are kept. */
bool record_keys_fit(const struct record_keys *k);

/* How many seeds are kept, and the n-th of them: for tests. */
size_t record_keys_seeds(const struct record_keys *k);
bool record_keys_seed(const struct record_keys *k, size_t n, uint8_t seed[static KEYRING_KEY_LEN])
    __attribute__((warn_unused_result));

/* The file's name: of a pack, as it was made for the n-th time; 0: of a segment. */
void record_keys_name(uint32_t number, uint16_t making, char name[static KEYS_NAME_MAX]);

/* Whether a name is that of a key file, and whose; *rewriting: of one that is to replace it. */
bool record_keys_named(const char *name, uint32_t *number, uint16_t *making, bool *rewriting);

/**
 * Read a key file, or the newer one beside it that is to replace it.
 *
 * @param records  of the pack
 * @param head     number, ledger and pack as they must be; its generation is set
 * @return         false with ERROR_CORRUPT when it is missing, another pack's or damaged, ERROR_CONFIG when
 *                 newer or another master key's, ERROR_BUSY when the disk fails
 */
bool record_keys_read(int dirfd, const struct secret *ledger_key, uint32_t records,
                      struct record_keys_head *head, struct record_keys **out,
                      struct error *e) MUST_CHECK;

/* Write the file of a new pack, durably. The keys of an attempt before are destroyed first: they open copies of records in
 * files that were merely removed. No pack of that number may be in force. */
bool record_keys_create(int dirfd, const struct secret *ledger_key,
                        const struct record_keys_head *head, const struct record_keys *k,
                        mode_t mode, struct error *e) MUST_CHECK;

/* Put these keys in force instead of those on disk, and destroy the old file; head->generation is the
 * old one's and is counted up. After a failure record_keys_finish() ends it. */
bool record_keys_replace(int dirfd, const struct secret *ledger_key, struct record_keys_head *head,
                         const struct record_keys *k, mode_t mode, struct error *e) MUST_CHECK;

/* Put a file that is sealed under a former ledger key under the present one, as record_keys_replace() does; *did says
 * whether it was. What a crash left is ended first. ERROR_CORRUPT when it does not open. */
bool record_keys_rewrap(int dirfd, const struct secret *ledger_key, uint32_t number,
                        uint16_t making, mode_t mode, bool *did, struct error *e) MUST_CHECK;

/* End what a crash or a failure left of a rewriting: put a whole newer file in force, or remove it. */
bool record_keys_finish(int dirfd, const struct secret *ledger_key, uint32_t number,
                        uint16_t making, struct error *e) MUST_CHECK;

/* Destroy the keys of a pack that is not in force. */
bool record_keys_discard(int dirfd, uint32_t number, uint16_t making, struct error *e) MUST_CHECK;

/* Overwrite a file, synced, and remove it. A missing one is fine. */
bool record_keys_destroy(int dirfd, const char *name, struct error *e) MUST_CHECK;
