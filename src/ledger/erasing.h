/* ledger/erasing - the records that are erased, and what a crash left of that. For ledger/'s own files.
 *
 * docs/ledger-format.md section 12, "Order of writing". What is done here holds the ledger's lock against
 * packing, and the one against backups. */
#pragma once

#include "ledger/claims.h"
#include "ledger/writer.h"

/* One erasure record, and what it names. */
struct erasure {
    uint32_t number; /* of the pack */
    uint64_t seq;    /* of the record */
    struct seq_ranges ranges;
};

/* All zero at first. */
struct erasures {
    struct erasure *list;
    size_t n, room;
};

/* Add one without ranges, at the end. */
struct erasure *erasures_add(struct erasures *all, uint32_t number, uint64_t seq)
    __attribute__((returns_nonnull));
void erasures_done(struct erasures *all);
OWN_VALUE(erasures, struct erasures, erasures_done)

/* See that everything that is named can be erased; nothing is changed. False with ERROR_INPUT for what is no
 * sealed record of that pack, ERROR_LIMIT when too many single records of a pack are erased. */
bool erasing_check(struct ledger *l, const struct erasures *all, struct error *e) MUST_CHECK;

/* The segment or pack for which it failed, when it is damaged: see ledger_damaged(). */
void erasing_met(struct ledger *l, uint32_t number, const struct error *e);

/* Say durably that an erasure may begin. It is recorded at or behind the ledger's size of now. */
bool erasing_announce(struct ledger *l, struct error *e) MUST_CHECK;

/* It was not recorded: nothing began. */
bool erasing_withdraw(const struct ledger *l, struct error *e) MUST_CHECK;

/* Destroy the keys, record that, and withdraw what was announced. What is done already is not done again. */
bool erasing_do(struct ledger *l, const struct erasures *all, struct error *e) MUST_CHECK;

/* Finish what was announced and recorded, or withdraw it. Without anything there is nothing to do. */
bool erasing_finish(struct ledger *l, struct error *e) MUST_CHECK;
