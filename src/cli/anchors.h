/* cli/anchors - the checkpoints that went to somebody else, as the ledger tells. */
#pragma once

#include "cli/cli.h"
#include "letter/records.h"

struct anchor {
    uint64_t seq;
    uint64_t time; /* when it was recorded */
    uint64_t size; /* leaves that its note is over */
    struct checkpoint_record record;
};

/* All of them, in the order of the ledger, from the running daemon. */
bool anchors_read(struct cli *c, struct anchor **out, size_t *count, struct error *e) MUST_CHECK;

/* "mail", "time stamp", "file". */
const char *anchor_kind_text(uint64_t kind);
