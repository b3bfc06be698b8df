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
    struct slice
        app; /* id of the app password or device whose own limit it is; empty: the account's */
};

extern const struct cbor_schema limit_record_schema;

#define SUSPENSION_LETTERS_MAX 8192
#define SUSPENSION_SIGNS_MAX   64

#define SUSPENSION_SENT_ON 1 /* of `released` */

enum suspension_state { SUSPENSION_BEGUN = 1, SUSPENSION_ENDED = 2 };

/* A sign that the account is stolen. */
struct suspension_sign {
    struct slice name;
    uint64_t value;
    uint64_t points;
};

extern const struct cbor_schema suspension_sign_schema;

/* RECORD_SUSPENSION: an account sends no more, with the evidence, or sends again. The state holds the one in force. */
struct suspension_record {
    struct slice account;
    uint64_t state;
    uint64_t at;            /* wall milliseconds */
    struct slice by;        /* who ordered it; empty: its signs did */
    struct slice reason;    /* for a person */
    uint64_t points;        /* of the signs together */
    uint64_t version;       /* of their table */
    struct cbor_list signs; /* struct suspension_sign */
    struct slice letters;   /* ids of what it sent within the hour before, one behind the other */
    struct slice client;    /* from where the letter came that was too much */
    uint64_t role;          /* as in an act */
    uint64_t
        released; /* ended: 1 what was held went on its way, 2 it was cancelled, 0 it stays held */
};

extern const struct cbor_schema suspension_record_schema;
