/* requests/retention - what the command line may ask of the keeper about rules of retention. */
#pragma once

#include "ipc/ipc.h"
#include "letter/records.h"
#include "letter/retention.h"

#define RETENTION_SET_MAX 200 /* rules that are set at once, in one commit */

/* retention_set: from now on these rules hold, each for the class it names. Who sets them is filled in by
 * the keeper. */
struct retention_set_ask {
    struct cbor_list rules; /* struct rule */
    struct slice reason;
};

extern const struct ipc_message retention_set;

/* retention_remove: there is no such class any more. */
struct retention_remove_ask {
    struct slice class;
    struct slice reason;
};

extern const struct ipc_message retention_remove;

/* retention_list: the rules in force, by the names of their classes. */
struct retention_list_ask {
    struct slice class; /* this one alone; empty: all ... */
    struct slice after; /* ... whose names are behind this */
};

struct retention_row {
    uint64_t seq; /* of its record */
    uint64_t time;
    uint64_t letters; /* under it, as far as they were looked at */
    struct rule rule;
};

struct retention_list_answer {
    struct cbor_list rows;
    bool more;         /* ask again with `after` = the last class */
    uint64_t letters;  /* in the archive */
    uint64_t unruled;  /* of these, under no rule */
    uint64_t for_ever; /* under one that does not end */
    uint64_t ended;    /* whose longest retention is over */
    uint64_t left;     /* still to be looked at since a rule or date changed */
};

extern const struct ipc_message retention_list;

/* retention_date: a rule_date, set or removed; the keeper fills in who. */
extern const struct ipc_message retention_date;

/* retention_dates: those that are set, by their keys. */
struct retention_dates_ask {
    struct slice after;
};

struct retention_dates_answer {
    struct cbor_list dates; /* struct rule_date */
    bool more;
};

extern const struct ipc_message retention_dates;
