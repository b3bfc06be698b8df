/* catalog/retention - which rules there are, and until when letters are kept by them.
 *
 * Part of the catalog, and as catalog/catalog.h says: derived, one writer, names as keyed hashes. What the
 * rules say is read from the ledger. */
#pragma once

#include "catalog/catalog.h"
#include "letter/retention.h"

/* The record in force of a class of letters. */
struct catalog_rule {
    struct ledger_ref ref;
    bool removed;     /* there is no such rule any more */
    uint64_t letters; /* under it, as far as they were looked at */
};

/* All classes there ever were, by their first record; from the arena. To fill in `letters` all are counted. */
bool catalog_rules(struct catalog *c, bool counted, struct arena *arena,
                   struct catalog_rule **rules, size_t *count, struct error *e) MUST_CHECK;

/* Where the last record of each key's date stands, and that of the date that was removed last; from the arena. */
bool catalog_rule_dates(struct catalog *c, struct arena *arena, struct ledger_ref **refs,
                        size_t *count, struct error *e) MUST_CHECK;

/* Until when a letter is kept by the rules. */
struct catalog_stamp {
    uint64_t until;                     /* wall milliseconds; INT64_MAX: for ever */
    uint8_t digest[CATALOG_REPEAT_LEN]; /* see catalog_stamp_digest() */
};

/* *found says whether it is under a rule: under none it is kept as well. */
bool catalog_stamp(struct catalog *c, uint64_t letter, struct catalog_stamp *out, bool *found,
                   struct error *e) MUST_CHECK;

/* What two stamps of the same classes and ends have in common. */
void catalog_stamp_digest(const struct catalog *c, const struct classes *classes,
                          uint8_t digest[static CATALOG_REPEAT_LEN]);

/* Letters whose longest retention ended at or before `at`, none of them under no rule: those whose seq is
 * `from` or higher, in its order, at most `max`; from the arena. Go on behind the last one's. */
bool catalog_ended(struct catalog *c, uint64_t at, uint64_t from, size_t max, struct arena *arena,
                   struct catalog_letter **letters, size_t *count, struct error *e) MUST_CHECK;

struct catalog_retention_counts {
    uint64_t letters;  /* but for those that repeat another */
    uint64_t unruled;  /* of these, under no rule: kept for ever */
    uint64_t for_ever; /* under a rule that does not end, or whose beginning nobody has said yet */
    uint64_t ended;    /* whose longest retention ended by the time given */
};

/* Looks at all letters. */
bool catalog_retention_counts(struct catalog *c, uint64_t at, struct catalog_retention_counts *out,
                              struct error *e) MUST_CHECK;

/* Letters, but for those that repeat another, whose facts stand at `from` or behind and before `end`. */
bool catalog_count_between(struct catalog *c, uint64_t from, uint64_t end, uint64_t *count,
                           struct error *e) MUST_CHECK;
