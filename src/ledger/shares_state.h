/* ledger/shares_state - what shares.c keeps, for shares_load.c, which fills it from the packs before. */
#pragma once

#include "ledger/shares.h"
#include "ledger/stream.h"

#define SEEN_FIRST     1024
#define LIST_MAX       ((size_t)131072) /* what fits a sealed value */
#define LIST_ENTRY_LEN (4 + OBJECT_REF_LEN + TAG_LEN)

/* A part that was seen; size 0: a free slot. */
struct seen {
    uint8_t digest[OBJECT_DIGEST_LEN];
    uint32_t size;
    uint32_t ref; /* its number in `known`, from 1; 0: it is not stored */
    bool again;   /* it occurs twice */
};

struct known {
    struct object_ref ref;
    bool listed; /* in this pack's list */
};

struct shares {
    int dirfd;
    int keys_dirfd;
    const struct secret *ledger_key;
    uint32_t number;
    uint16_t making;
    struct sealer *sealer;
    struct digest *digest;
    struct objects objects;
    struct seen *seen;
    size_t n_seen, room;
    struct known *known;
    size_t n_known, known_room;
    bool any;
    int fd;
    struct stream file;
    struct buf list;
    struct buf front, rest;
    struct buf bytes; /* of one object */
    struct part parts[PARTS_MAX];
};

/* What was seen with that digest and size; with `add` it is there afterwards, if there is room. */
struct seen *shares_find(struct shares *x, const uint8_t *digest, uint32_t size, bool add);

/* Keep a reference; its number, from 1. */
uint32_t shares_know(struct shares *x, const struct object_ref *ref);

/* What an entry of the list is sealed under: nothing that outlives the record. */
void shares_list_key(struct digest *d, const uint8_t record_key[static KEYRING_KEY_LEN],
                     uint32_t place, uint8_t key[static KEYRING_KEY_LEN]);
