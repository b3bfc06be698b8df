/* keeper/docket - what waits for a second person, folded from the records of the ledger, in memory.
 *
 * A fold and nothing else: it decides nothing and asks no clock. What is over (refused, withdrawn,
 * carried out) is gone from it; the ledger remembers. Not thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "letter/approval.h"

#define DOCKET_REQUESTS_MAX 1000 /* that wait, with those not carried out yet */

struct docket_request {
    struct docket_request *next; /* the next younger one */
    struct arena arena;          /* holds what the members show */
    uint64_t seq;                /* of its record */
    int64_t asked_at;            /* wall milliseconds, as the ledger says */
    struct request_record record;
    bool approved;
    struct verdict_record approval;
};

struct docket {
    struct docket_request *oldest;
    size_t n_requests;
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

/* A copy that lasts as long as the arena. */
struct docket_request *docket_copy(const struct docket_request *r, struct arena *arena)
    __attribute__((returns_nonnull));

/* Whether it still waits to be approved. */
bool docket_waits(const struct docket_request *r, int64_t now_ms);
