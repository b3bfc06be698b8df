/* letter/disposal - the record of a disposal: letters whose time is over are destroyed. Each batch of them is a
 * RECORD_REMOVAL that names the request. The rules of letter/records.h hold here too. */
#pragma once

#include "letter/hold.h"

enum disposal_state {
    DISPOSAL_BEGUN = 1,
    DISPOSAL_ENDED = 2,
};

#define DISPOSAL_HOLDS_MAX 200 /* that are named */

/* A hold that kept letters. */
struct disposal_hold {
    struct slice name;
    uint64_t letters; /* one that two holds keep counts with both */
};

/* RECORD_DISPOSAL. What was destroyed counts from the beginning, also behind a crash; what stays, as it was looked at last. */
struct disposal_record {
    struct slice request;
    uint64_t state;
    uint64_t before; /* as in the arguments */
    uint64_t destroyed;
    uint64_t held;
    uint64_t kept;          /* some rule still runs, or none says how long any more */
    uint64_t busy;          /* still on their way, or could not be told about */
    struct cbor_list holds; /* struct disposal_hold, in the order in which they were met */
    bool more;              /* that are not named */
};

extern const struct cbor_schema disposal_record_schema;

/* Arguments of REQUEST_DISPOSAL. */
struct request_disposal {
    uint64_t before;  /* wall milliseconds: letters whose longest retention ended at or before */
    uint64_t head;    /* and whose facts stand before this record */
    uint64_t rules;   /* the newest record of a rule or date: others hold, and it is not done */
    uint64_t letters; /* how many those were when that was asked */
};

extern const struct cbor_schema request_disposal_schema;
