/* keeper/rule_proof - which rules of retention and which dates hold, as the ledger itself says, in memory.
 *
 * A fold and nothing else, of the records in their order; it keeps what a book (stages/retention) that was made by way of
 * the catalog is compared with: of each class the number of its record, of each key its date. Not thread-safe. */
#pragma once

#include "stages/retention/book.h"

struct rule_proof {
    void *rows; /* a tree, see tsearch(3) */
    size_t rules;
    size_t dates;
    uint64_t version; /* the newest record of either kind */
};

/* Free what is in it; it is empty then. */
void rule_proof_done(struct rule_proof *p);

/**
 * Fold the next record; one of another type changes nothing.
 *
 * @return  false with ERROR_CORRUPT when it cannot be read
 */
bool rule_proof_apply(struct rule_proof *p, uint64_t seq, uint16_t type, struct slice body,
                      struct error *e) MUST_CHECK;

/* Whether a book is made of these rules and dates, and of no others. */
bool rule_proof_fits(const struct rule_proof *p, const struct retention_book *book);
