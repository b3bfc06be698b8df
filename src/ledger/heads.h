/* ledger/heads - what stands of every record for ever, in their order, without any key: number, type, time and
 * commitment, and so the leaf; of records about erasures also what they say.
 *
 * Reads heads and entries alone: bounded memory, and a time that grows with the number of records, not with
 * their size. One thread. */
#pragma once

#include "base/error.h"

#include "ledger/merkle.h"

struct ledger_passed {
    uint64_t seq;
    uint16_t type;
    int64_t time_ms;
    uint8_t commitment[32];
    uint8_t leaf[MERKLE_LEN];
    struct slice body; /* of an erasure or erased record, until the next; else empty */
};

/* False ends the walk. */
typedef bool ledger_visit(void *context, const struct ledger_passed *passed, struct error *e);

#define LEDGER_ERASURE 5 /* types of those, as docs/ledger-format.md section 12 has them */
#define LEDGER_ERASED  6

/* Have the first `size` records visited. False as the visitor says, or with ERROR_CORRUPT when they are not
 * there, ERROR_BUSY when the disk fails. */
bool ledger_heads(int dirfd, uint64_t size, ledger_visit *visit, void *context,
                  struct error *e) MUST_CHECK;
