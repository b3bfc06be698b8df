/* letter/delegation - the right of an account to send as an address that is not its own.
 *
 * What is delegated now is state; that it was delegated, taken away and used stands in the ledger: as acts, as
 * requests that took two persons, and in the facts of each letter that was sent by it (struct behalf).
 * The rules of letter/records.h hold here too. */
#pragma once

#include "letter/records.h"

#define DELEGATIONS_MAX       1000 /* at the same time */
#define DELEGATIONS_OWN_MAX   25   /* of these, that one person granted of what is his own */
#define DELEGATION_REASON_MAX 300

struct delegation {
    struct slice
        from;        /* an address; or a group's name: every address of an account that is in it */
    struct slice to; /* the account that may send as that */
    struct slice by; /* who granted it: as in an act */
    struct slice approved_by; /* the second person; empty: it took none */
    uint64_t since;
    uint64_t until; /* from then on it does not hold; 0: it has no end */
    struct slice reason;
    bool
        owner; /* granted by who has the address: holds as long as that account has it and is open */
};

extern const struct cbor_schema delegation_schema;

/* All that there are. */
struct delegations {
    struct cbor_list rows;
};

extern const struct cbor_schema delegations_schema;

/* Whether it does not hold any more at that time, wall milliseconds. */
bool delegation_is_over(const struct delegation *d, uint64_t now);

/* A group and no address. */
bool delegation_is_of_group(const struct delegation *d);
