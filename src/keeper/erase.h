/* keeper/erase - letters are taken out of the archive with all that belongs to them: what is recorded about
 * each, the reports that quote it, its repetitions. Used by an erasure that was approved, and by a disposal. */
#pragma once

#include "keeper/holds.h"
#include "letter/removal.h"

/* A batch begins no further letter when it has held `order` (keeper/approvals) for so long: letters are inspected again
 * meanwhile, and who places a hold waits. */
#define ERASE_ORDER_MS 20000

/* What is to be erased; all zero but for the first three at the beginning. */
struct erasing {
    struct keeper *k;
    struct arena *arena;
    struct catalog *catalog;             /* while letters are added */
    const struct catalog_letter *letter; /* that was added last */
    struct removed_letter letters[REMOVAL_LETTERS_MAX];
    struct holds_letter places[REMOVAL_LETTERS_MAX]; /* the same ones */
    size_t n_letters;
    const uint8_t *repeats[REMOVAL_LETTERS_MAX]; /* by which each is known when it is sent again */
    struct ledger_ref refs[LEDGER_ERASE_MAX];
    size_t n_refs;
    const struct docket_hold *holds;
    bool holds_known; /* `holds` are those that there are */
    bool behind;      /* why nothing was added: the search index does not hold all of it yet */
};

#define ERASE_BEHIND                                                                               \
    "the search index is behind: try again when `postern status` shows that it holds all letters"

/* Add a letter and what belongs to it. False with ERROR_BUSY when something of it is under way, ERROR_LIMIT when
 * there is no room: nothing was added then. It waits for nothing: `order` may be held. */
bool erase_add(struct erasing *x, const struct catalog_letter *l, struct error *e) MUST_CHECK;

/* Whether none of its letters, from the `first` on, is held; call it with `order` held (keeper/approvals). False
 * with *held and a sentence, or with ERROR_BUSY when that cannot be told. */
bool erase_is_free(struct erasing *x, size_t first, bool *held, struct error *e) MUST_CHECK;

/* Which holds keep them: the first of its letters that is held, and the names. Empty names: none is. With `order`
 * held; false with ERROR_BUSY when that cannot be told. */
bool erase_held_by(struct erasing *x, size_t first, struct arena *arena, size_t *which,
                   struct slice *names, struct error *e) MUST_CHECK;

/* Wait some seconds until the index holds all that is recorded now. `order` and `doing` (keeper/approvals) are not held. */
bool erase_await_index(struct keeper *k);

/* Whether it waits to be delivered, or is under way. */
bool erase_in_queue(struct keeper *k, const struct letter_id *id);

/* Take those from the `letters`th on, and the records from the `refs`th on, out again. */
void erase_drop(struct erasing *x, size_t letters, size_t refs);

/* Whether the records that are to go, from the `first` on, are about these letters, as they say themselves. *unread: some
 * could not be read, so that nobody knows. False with ERROR_CORRUPT, and an alarm, when one is not; ERROR_BUSY when the
 * disk fails. */
bool erase_proves_records(const struct erasing *x, size_t first, bool *unread,
                          struct error *e) MUST_CHECK;

/* Segments and packs that are damaged: nothing is erased in them. All zero at first; as many as there are segments. */
struct erase_damaged {
    uint32_t *list;
    size_t n, room;
};

/* Add one; false when it is known. */
bool erase_damaged_add(struct erase_damaged *d, uint32_t number);

/* They may have been put back meanwhile: begin anew. Frees the list. */
void erase_damaged_forget(struct erase_damaged *d);

/* Whether one of the records, from the `first` on, is in such a one. */
bool erase_is_damaged(const struct erasing *x, size_t first);

/* Add the one for which erase_all() just failed with ERROR_CORRUPT. False when it failed for something else. */
bool erase_note_damaged(struct keeper *k);

/* Destroy them, with `order` held, for a request that was approved. `also` is recorded in the same commit, or NULL.
 * False when nothing was recorded. */
bool erase_all(struct erasing *x, const struct docket_request *r, const struct ledger_record *also,
               bool *finished, struct error *e) MUST_CHECK;

/* Afterwards, without it: what is in memory, catalog and index of letters that are gone. `more`: others follow at
 * once, and the index is not waited for. */
void erase_settle(struct erasing *x, bool more);
