/* requests/evidence - what there is about a suspension, over the reader's control socket. */
#pragma once

#include "ipc/ipc.h"

/* suspension_evidence: without a checkpoint the part that people read, as a sealed memfd; a record holds its digest then. With a
 * checkpoint that was signed afterwards what proves it: both together are the file of docs/ledger-format.md section 15. */
#define EVIDENCE_TEXT_MAX                                                                          \
    ((size_t)120 << 20) /* both together are less than postern-verify reads (verify/opened.h) */
#define EVIDENCE_PROOF_MAX ((size_t)512 << 20)
#define EVIDENCE_VERB      "account evidence" /* of the record that binds the text */

struct suspension_evidence_ask {
    struct slice account;
    uint64_t suspension; /* number of its record; 0: the last one */
    struct slice note;
    struct slice
        digest; /* with a checkpoint: SHA-256 of the text that is to be proved, by which its record is found */
    struct slice reason;
};

extern const struct ipc_message suspension_evidence;
