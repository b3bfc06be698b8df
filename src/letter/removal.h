/* letter/removal - the record that says that a letter was erased. docs/ledger-format.md has its bytes. */
#pragma once

#include "letter/records.h"

#define REMOVAL_LETTERS_MAX 64
#define REMOVAL_RECORDS_MAX 1000 /* of one letter */
#define REMOVAL_RULES_MAX   1000

/* RECORD_REMOVAL: a letter was erased, with the reports about it and its repetitions. It stands in the batch of the
 * ledger's own records that name what was destroyed. */
struct removal {
    struct slice id; /* that was asked for */
    struct slice by;
    struct slice reason;
    struct cbor_list letters; /* struct removed_letter: it and the others */
    uint64_t records;
    uint64_t role; /* as in an act */
    struct slice at;
    struct slice
        request; /* id of the request that another person approved; empty before there were any */
};

struct removed_letter {
    struct slice id;
    uint64_t seq; /* of its facts */
    struct slice
        imported; /* of one that was imported: the keyed hash by which it would be known again */
    struct slice records; /* numbers of its records that are erased: 8 bytes each, ascending */
    uint64_t until;       /* by a disposal: when its longest retention ended */
    struct slice
        rules; /* by a disposal: numbers of the rules' records that it was under, likewise */
};

extern const struct cbor_schema removal_schema;
