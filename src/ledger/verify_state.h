/* ledger/verify_state - one check of a ledger under way. For verify.c and verify_pack.c. */
#pragma once

#include "ledger/claims.h"
#include "ledger/scan.h"
#include "ledger/verify.h"

/* What a segment's successor says of it. */
struct successor {
    bool exists; /* a file with the next number */
    bool whole;  /* and it begins well: the lengths are known */
    uint64_t length;
    uint64_t behind;
};

struct check {
    int dirfd;
    const struct ledger_verify_options *options;
    struct ledger_verdict *verdict;
    struct error *e;
    struct sealer *sealer; /* NULL without the key */
    struct arena arena;
    struct buf payload;
    struct scan *s;  /* the segment being checked */
    uint32_t number; /* the pack being checked */
    uint8_t id[LEDGER_ID_LEN];
    bool id_known;
    struct merkle tree;  /* after the last whole batch so far */
    uint64_t last_first; /* the first record of that batch */
    bool trusted;        /* nothing was skipped on the way */
    bool since_seen;     /* the tree had the checkpoint's size */
    struct claims claims;
    bool quiet;       /* faults are not reported, but noted: */
    bool doubted;     /* there was one */
    uint64_t retried; /* where a batch was looked at twice before it was called damaged */
};

/* What segment or pack `number` says of the one before it. */
bool verify_look(struct check *c, uint32_t number, struct successor *out) MUST_CHECK;

/* Check pack c->number; *there is false when there is none. */
bool verify_pack(struct check *c, bool *there) MUST_CHECK;

/* Whether the pack of a claim was replaced since by a whole one with that digest and the same leaves. */
bool verify_replaced(void *check, const struct claim *pack,
                     const uint8_t digest[static DIGEST_LEN]);

/* Of what an erasure that is recorded as done names no key may be there; at the end, with keys. */
void verify_keys_gone(struct check *c);

/* Report a fault at a place of file c->number. */
void verify_fault(void *check, uint64_t offset, uint64_t seq, const char *text);
