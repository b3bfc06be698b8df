/* cli/key_uses - what of the data directory a generation of the master key still opens. */
#pragma once

#include "cli/cli.h"
#include "keyring/master_list.h"
#include "ledger/rewrap.h"

struct key_uses {
    struct ledger_key_use ledger;
    uint64_t private_keys;
    uint64_t
        verifiers; /* of accounts as they are, and as changes that wait for approval will make them */
    uint64_t
        factors; /* app passwords and second factors; a running daemon counts them as `verifiers` */
    bool state;
    uint64_t
        renewed; /* the generation of which it is recorded that the disk needs no former one; 0: none */
};

/* Look at every file that is sealed under a key of its own. A file that is written meanwhile counts or not. False when one
 * cannot be read, and with ERROR_CORRUPT when the state opens neither under the key asked about nor under `now` or
 * one of the former. */
bool key_uses_count(struct cli *c, int data, const struct master_former *asked,
                    const struct master *now, const struct master_list *former,
                    struct key_uses *uses, struct error *e) MUST_CHECK;

/* Whether there is none. */
bool key_uses_none(const struct key_uses *uses);

/* Append "2 segments, 1 pack". */
void key_uses_print(const struct key_uses *uses, struct buf *out);
