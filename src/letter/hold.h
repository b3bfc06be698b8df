/* letter/hold - records of holds: letters that stay, whatever rules, requests and people say. The rules of
 * letter/records.h hold here too. */
#pragma once

#include "letter/approval.h"

#define HOLD_NAME_MAX    64
#define HOLD_QUERY_MAX   1024 /* as search/query.h bounds it */
#define HOLD_LETTERS_MAX 1000 /* named in one record */

enum hold_state {
    HOLD_PLACED = 1,   /* or something was added to it */
    HOLD_RELEASED = 2, /* all of that name            */
};

/* RECORD_HOLD: what a hold of that name holds is what all its records say since it was released last. */
struct hold_record {
    struct slice name;
    uint64_t state;
    struct slice query;   /* letters that it finds, now and later */
    struct slice letters; /* ids, one behind the other */
    struct slice by;      /* as in an act */
    struct slice at;
    uint64_t role;
    struct slice reason;
    struct slice request; /* released: the request that another person approved */
};

extern const struct cbor_schema hold_record_schema;

/* Arguments of REQUEST_RELEASE. */
struct request_release {
    struct slice name;
    uint64_t last; /* number of the hold's last record: what is added behind it is not released */
};

extern const struct cbor_schema request_release_schema;

/* Whether it can be a hold's name: 1 to HOLD_NAME_MAX letters, digits, ".", "-" and "_". */
bool hold_name_is_good(struct slice name);
