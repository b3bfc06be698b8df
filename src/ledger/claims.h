/* ledger/claims - what the ledger's own records say of packs and erasures, against what is found. For
 * ledger/'s own files.
 *
 * A record that explains something stands behind it, often in a later segment: both are gathered on the
 * way, and compared at the end. Pure: no I/O. */
#pragma once

#include "ledger/pack_format.h"

struct seq_range {
    uint64_t first, count;
};

struct seq_ranges {
    struct seq_range *list;
    size_t n, room;
};

struct claim {
    uint32_t number;
    size_t order; /* of several with one number the last counts */
    uint8_t digest[DIGEST_LEN];
    uint8_t root[DIGEST_LEN]; /* of a pack that is there: of the tree behind it */
};

struct claim_list {
    struct claim *list;
    size_t n, room;
};

/* An erasure, and where its ranges are. */
struct erasure_claim {
    uint64_t seq;
    uint32_t number; /* of the pack */
    bool done;       /* an erased record names it */
    size_t first, n; /* in `named` */
};

/* All zero at first. */
struct claims {
    struct claim_list packs;        /* that are there */
    struct claim_list recorded;     /* by pack records, in their order */
    struct claim_list coming;       /* packs that stand beside one, to take its place */
    struct seq_ranges keyless;      /* records without a key */
    struct seq_ranges erased;       /* that erasure records name */
    struct erasure_claim *erasures; /* in their order */
    size_t n_erasures, erasures_room;
    struct seq_ranges named; /* by them, as they stand there */
};

/* Free what is kept. */
void claims_done(struct claims *c);
OWN_VALUE(claims, struct claims, claims_done)

/* A pack that is there, by its digest, with the root of the tree behind it; one that is to take its place; a record that has no
 * key. */
void claims_pack(struct claims *c, uint32_t number, const uint8_t digest[static DIGEST_LEN],
                 const uint8_t root[static DIGEST_LEN]);
void claims_coming(struct claims *c, uint32_t number, const uint8_t digest[static DIGEST_LEN]);
void claims_keyless(struct claims *c, uint64_t seq);

/* Take one of the ledger's own records; others than those of packs and erasures are passed over. False
 * with ERROR_CORRUPT when it does not read. */
bool claims_record(struct claims *c, uint16_t type, uint64_t seq, struct slice body,
                   struct error *e) MUST_CHECK;

/* How many records were erased; after claims_compare(). */
uint64_t claims_erased(const struct claims *c);

/* Compare; `fault` is called for what is not explained. `replaced` says whether by now a whole pack of that number with that digest
 * and the same leaves is there; NULL: no. */
void claims_compare(struct claims *c,
                    void (*fault)(void *context, uint32_t number, uint64_t seq, const char *text),
                    bool (*replaced)(void *context, const struct claim *pack,
                                     const uint8_t digest[static DIGEST_LEN]),
                    void *context);

/* An erasure's ranges as bytes, and back; false when they are not ascending and apart. */
void seq_ranges_write(const struct seq_range *ranges, size_t n, struct buf *out);
bool seq_ranges_read(struct slice bytes, struct seq_ranges *out) MUST_CHECK;
void seq_ranges_add(struct seq_ranges *r, uint64_t first, uint64_t count);

/* Make them ascending and apart, whatever they were; then: whether they hold that number. */
void seq_ranges_merge(struct seq_ranges *r);
bool seq_ranges_has(const struct seq_ranges *r, uint64_t seq);

/* Free what is kept. */
void seq_ranges_done(struct seq_ranges *r);
OWN_VALUE(seq_ranges, struct seq_ranges, seq_ranges_done)
