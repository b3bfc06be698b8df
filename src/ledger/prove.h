/* ledger/prove - proofs for who has a signed checkpoint and not the ledger.
 *
 * Made by reading the heads of all records up to the checkpoint once: bounded memory, and a time that grows
 * with the number of records, not with their size. What comes out was checked against the roots. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include "ledger/checkpoint.h"
#include "ledger/merkle.h"

/**
 * Prove that a record is in the tree of a checkpoint.
 *
 * @param dirfd  the ledger's folder
 * @param seq    the record's number
 * @param leaf   its hash, see ledger_leaf()
 * @param nodes  emptied; set to the proof's nodes, one behind the other (RFC 9162 section 2.1.3)
 * @return       false with ERROR_INPUT when the checkpoint is older than the record, ERROR_CORRUPT when
 *               the ledger does not agree with the checkpoint, ERROR_BUSY when the disk fails
 */
bool ledger_prove_record(int dirfd, uint64_t seq, const uint8_t leaf[static MERKLE_LEN],
                         const struct checkpoint *in, struct buf *nodes,
                         struct error *e) MUST_CHECK;

/* One of many records that are proved at once. */
struct ledger_proved {
    uint64_t seq;
    uint16_t type; /* from here on filled in */
    int64_t time_ms;
    uint8_t commitment[32];
};

/**
 * Prove of many records at once that they are in the tree of a checkpoint.
 *
 * @param records  n of them, ascending by number
 * @param nodes    emptied; set to the nodes as docs/ledger-format.md section 14 has them: of one record the proof
 *                 that ledger_prove_record() makes
 * @return         false as above; ERROR_LIMIT when the nodes do not fit into their buffer
 */
bool ledger_prove_records(int dirfd, struct ledger_proved *records, size_t n,
                          const struct checkpoint *in, struct buf *nodes,
                          struct error *e) MUST_CHECK;

/**
 * Prove that the tree of one checkpoint is the beginning of that of another.
 *
 * @param nodes  as above (section 2.1.4)
 * @return       false as above; ERROR_INPUT when `to` is older than `from`
 */
bool ledger_prove_growth(int dirfd, const struct checkpoint *from, const struct checkpoint *to,
                         struct buf *nodes, struct error *e) MUST_CHECK;

/* The hash of a record's leaf. */
void ledger_leaf(uint64_t seq, uint16_t type, int64_t time_ms, const uint8_t commitment[static 32],
                 uint8_t leaf[static MERKLE_LEN]);
