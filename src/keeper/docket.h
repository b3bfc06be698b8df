/* keeper/docket - what waits for a second person, what is held, and which cases there are, folded from the records
 * of the ledger, in memory.
 *
 * A fold and nothing else: it decides nothing and asks no clock. What is over (refused, withdrawn,
 * carried out) is gone from it; the ledger remembers. Not thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "letter/case.h"

#define DOCKET_REQUESTS_MAX 1000  /* that wait, with those not carried out yet */
#define DOCKET_HOLDS_MAX    10000 /* records of holds that were not released */
#define DOCKET_CASES_MAX    10000 /* closed ones among them: their names are not used again */
#define DOCKET_OF_ONE_MAX   2500  /* of either, by one person: others find room */

struct docket_request {
    struct docket_request *next; /* the next younger one */
    struct arena arena;          /* holds what the members show */
    uint64_t seq;                /* of its record */
    int64_t asked_at;            /* wall milliseconds, as the ledger says */
    struct request_record record;
    bool approved;
    struct verdict_record approval;
    uint64_t
        begun; /* a disposal: the record of its beginning, 0: none; some may be destroyed already */
};

/* One record of a hold that was not released; others of the same name may stand behind it. */
struct docket_hold {
    struct docket_hold *next; /* the next younger one */
    struct arena arena;
    uint64_t seq;
    int64_t since;
    struct hold_record record;
};

struct docket_case {
    struct docket_case *next; /* the next younger one */
    char name[HOLD_NAME_MAX + 1];
    char by[LETTER_ADDRESS_MAX + 1]; /* who opened it */
    bool hold;
    bool closed;
    uint64_t queries; /* that were ever added; what was removed again counts as well */
    uint64_t letters; /* that were ever added by their ids */
    uint64_t removed; /* that were ever removed */
    uint64_t records; /* about it, in all */
};

struct docket {
    struct docket_request *oldest;
    size_t n_requests;
    struct docket_hold *holds; /* the oldest first */
    size_t n_holds;
    struct docket_case *cases; /* the oldest first */
    size_t n_cases;
};

/* Free what is in it; it is empty then. */
void docket_done(struct docket *d);

/**
 * Fold the next record; one of another type changes nothing.
 *
 * @param seq  its number
 * @param at   when it was appended, wall milliseconds
 * @return     false with ERROR_CORRUPT when it cannot be read, ERROR_LIMIT when there is no room
 */
bool docket_apply(struct docket *d, uint64_t seq, uint16_t type, int64_t at, struct slice body,
                  struct error *e) MUST_CHECK;

/* The request with that id, or NULL. */
struct docket_request *docket_find(const struct docket *d, struct slice id);

/* The number of the last record of the hold with that name; 0: there is none. */
uint64_t docket_hold_last(const struct docket *d, struct slice name);

/* How many records of holds that were not released, and how many cases, are by that person. */
size_t docket_holds_by(const struct docket *d, struct slice by);
size_t docket_cases_by(const struct docket *d, struct slice by);

/* The case of that name, or NULL. */
const struct docket_case *docket_case(const struct docket *d, struct slice name);

/* Whether the case has room for what that record adds or removes: case_fold() passes over what has none. */
bool docket_case_takes(const struct docket_case *c, const struct case_record *r);

/* A copy of all holds that lasts as long as the arena. */
struct docket_hold *docket_copy_holds(const struct docket *d, struct arena *arena);

/* A copy that lasts as long as the arena. */
struct docket_request *docket_copy(const struct docket_request *r, struct arena *arena)
    __attribute__((returns_nonnull));

/* Whether it still waits to be approved. */
bool docket_waits(const struct docket_request *r, int64_t now_ms);
