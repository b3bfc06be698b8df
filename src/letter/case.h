/* letter/case - records of cases: letters that somebody gathers for a reason, by their ids and by queries that go on
 * finding; and what they say together. The rules of letter/records.h hold here too. */
#pragma once

#include "base/arena.h"

#include "letter/hold.h"

#define RECORD_CASE 51 /* enum record_type has the others */

#define CASE_QUERIES_MAX 64
#define CASE_LETTERS_MAX 100000 /* that are named, in one case */

enum case_state {
    CASE_OPENED = 1,
    CASE_ADDED = 2,
    CASE_REMOVED = 3,
    CASE_NOTED = 4,
    CASE_CLOSED = 5, /* for good: the name is not used again */
    CASE_HELD = 6,   /* it was opened without a hold: from now on it has one */
};

/* RECORD_CASE: what a case is, all records of its name say in their order. */
struct case_record {
    struct slice name; /* as a hold's */
    uint64_t state;
    struct slice
        query; /* opened, added: letters that it finds, now and later; removed: that query */
    struct slice
        letters;     /* ids, one behind the other: added, or removed also from what queries find */
    struct slice by; /* as in an act */
    struct slice at;
    uint64_t role;
    struct slice reason; /* opened, closed: why; noted: the note; else may be empty */
    bool hold;           /* opened: a hold of the same name keeps what is added */
};

extern const struct cbor_schema case_record_schema;

/* Ids in order of their bytes. */
struct case_ids {
    uint8_t *bytes;
    size_t n, room;
};

/* What a case is. */
struct case_view {
    struct slice name;
    struct slice reason;
    struct slice by;
    uint64_t opened_at; /* wall milliseconds; 0: there is no such case */
    uint64_t closed_at; /* 0: it is open */
    bool hold;
    struct slice queries[CASE_QUERIES_MAX];
    size_t n_queries;
    struct case_ids letters; /* named as members */
    struct case_ids removed; /* and as none, whatever queries find */
    uint64_t notes;
};

/* Take the next record of that case; `at` is when it was recorded. What is kept is copied into the arena. What does
 * not fit any more changes nothing. */
void case_fold(struct case_view *v, const struct case_record *r, uint64_t at, struct arena *arena);

/* Whether the id is among them. */
bool case_ids_have(const struct case_ids *ids, struct slice id);
