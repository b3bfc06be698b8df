/* letter/guard - records about accounts that send too much. Conventions as in letter/records.h. docs/ledger-format.md has
 * their bytes. */
#pragma once

#include "letter/records.h"

/* RECORD_LIMIT: an account reached a limit, and a letter was put off. One for each account and window of time. */
struct limit_record {
    struct slice account;
    uint64_t window;  /* 1 an hour, 2 a day */
    uint64_t measure; /* 1 letters, 2 recipients, 3 addresses, 4 first-time recipients, 5 bytes */
    uint64_t most;    /* that was allowed */
    uint64_t had;     /* that had been sent */
    uint64_t added;   /* that the letter would have added */
    struct slice client; /* address from which it came */
};

extern const struct cbor_schema limit_record_schema;
