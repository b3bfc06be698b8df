/* ledger/verify - is every record there, in order, unaltered, in the tree?
 *
 * Without a key: every byte of every segment against the commits, leaves, roots, the chain of
 * segments, and nothing between or behind them. With the key also who wrote the commits, every
 * seal and every commitment. With an earlier checkpoint also that nothing was rolled back since.
 * Reports each fault and goes on. May run while the writer appends. */
#pragma once

#include "ledger/checkpoint.h"
#include "ledger/ledger.h"

struct ledger_fault {
    uint32_t segment;
    uint64_t offset;
    uint64_t seq;     /* the record concerned, or the first that may be */
    const char *text; /* one sentence; valid during the call */
};

struct ledger_verify_options {
    const struct secret *key;       /* the derived key "ledger"; NULL: without */
    int record_keys;                /* with it: folder of the keys of packs' records; 0: none */
    const struct checkpoint *since; /* an earlier tree head; NULL: none */
    void (*fault)(void *context, const struct ledger_fault *f); /* NULL: only count */
    void *context;
};

struct ledger_verdict {
    uint64_t faults; /* 0: the ledger is whole */
    uint64_t records, commits, segments, bytes;
    uint64_t packs; /* of the segments */
    uint64_t
        erased;    /* records that an erasure names; with the key only those can lack their body */
    uint64_t size; /* of the tree after the last whole commit */
    uint8_t root[LEDGER_ROOT_LEN]; /* likewise */
    int64_t time_ms;               /* of the last commit, 0 without */
    bool since_proved;   /* the checkpoint's tree is the beginning of this one; else a rollback
                           since the last outside anchor is not excluded */
    bool ended;          /* the last segment was ended cleanly: no writer has it open */
    uint64_t tail_bytes; /* behind the last commit: a batch under way, or what a crash left */
};

/**
 * Check a whole ledger.
 *
 * @return  true when the check could be made, whatever its verdict; false with ERROR_CONFIG when
 *          the folder holds no ledger or a newer one, ERROR_BUSY when the disk fails
 */
bool ledger_verify(int dirfd, const struct ledger_verify_options *options,
                   struct ledger_verdict *verdict, struct error *e) MUST_CHECK;
