/* keeper/holds - what stays, whatever rules and people say.
 *
 * Where a letter is about to be destroyed, nothing is believed but the ledger: which holds there are is what its
 * records say (approvals_prove), and whether a query finds the letter is told from the letter itself, which is inspected
 * again, and besides from the index. Either is enough. What cannot be told counts as held: a query that
 * cannot be read, a letter that cannot be read whole and whose unread part may hold the words. */
#pragma once

#include "catalog/catalog.h"
#include "keeper/docket.h"
#include "search/match.h"

struct keeper;

/* One letter that is about to be destroyed. */
struct holds_letter {
    struct letter_id id;
    uint64_t seq;
    struct ledger_ref facts;
    struct ledger_ref content; /* of a repetition, that of the letter which it repeats */
    bool has_content;
    bool repeats; /* another letter, and is kept as long as that */
};

/**
 * Which holds keep this letter?
 *
 * @param holds  from approvals_holds(), with `order` held so that none comes in between
 * @param names  set to their names, ", " between them; empty: none
 * @return       false when that cannot be told: it counts as held
 */
bool holds_on(struct keeper *k, const struct docket_hold *holds, const struct holds_letter *letter,
              struct arena *arena, struct slice *names, struct error *e) MUST_CHECK;

/* Whether all of these letters, ids one behind the other, are in the archive: a mistyped id would hold nothing. */
bool holds_letters_exist(struct keeper *k, struct slice letters, struct error *e) MUST_CHECK;

/* Whether so many records of holds more find room, by that person and in all. */
bool holds_have_room(struct keeper *k, struct slice by, size_t n, struct error *e) MUST_CHECK;

/* Hold all that is in the case which has no hold yet; `r` is recorded with it. With `order` held. */
struct case_record;
bool holds_case(struct keeper *k, const struct case_record *r, struct error *e) MUST_CHECK;

/* Ask that the hold of that name ends, which takes two persons. */
struct keeper_admin;
struct admin_asked;
bool holds_ask_release(struct keeper_admin *admin, struct slice name, struct slice reason,
                       struct arena *arena, struct admin_asked *asked, struct error *e) MUST_CHECK;

/* The same as far as ids and the index say, at once: to show it to people. */
bool holds_shown(struct keeper *k, const struct docket_hold *holds, const struct letter_id *id,
                 uint64_t seq, struct arena *arena, struct slice *names,
                 struct error *e) MUST_CHECK;

/* Whether a query finds this letter, told from the letter itself, which is inspected again; without an index. */
bool holds_compare(struct keeper *k, const struct query *query, const struct holds_letter *letter,
                   struct arena *arena, enum search_match *match, struct error *e) MUST_CHECK;
