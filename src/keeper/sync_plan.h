/* keeper/sync_plan - what a directory's people would make of our accounts. For the keeper's own files.
 *
 * Pure: people and accounts in, changes out; nothing is written, and no clock is asked. Only accounts of this directory are
 * changed. An address belongs to the account that has it: neither another account's nor a former one's is taken. */
#pragma once

#include "base/arena.h"
#include "base/own.h"

#include "config/settings.h"
#include "requests/directory.h"
#include "state/state.h"

/* What may be said against an address that an account does not have yet. */
enum sync_objection {
    SYNC_FINE,
    SYNC_FOREIGN,    /* in no domain of ours: passed over in silence */
    SYNC_UNREADABLE, /* no address as letters may have it */
    SYNC_WAS_OTHERS, /* of an account of before: giving it away takes a person */
};

struct sync_scene {
    const struct directory_settings *section;
    const struct account *accounts; /* all there are, of whatever origin */
    size_t n_accounts;
    const struct directory_person *people;
    size_t n_people;
    uint64_t now;  /* wall milliseconds */
    void *context; /* of the next */
    enum sync_objection (*object)(void *context, struct slice account, struct slice address);
};

enum sync_kind { SYNC_ADD, SYNC_CHANGE, SYNC_CLOSE, SYNC_OPEN, SYNC_KINDS };

struct sync_change {
    enum sync_kind kind;
    const struct account *was; /* NULL: it is new */
    struct account now;
    struct slice detail; /* for people and the record: "role auditor, groups sales" */
    bool gives;          /* a role beyond an employee's */
};

struct sync_plan {
    struct sync_change *changes;
    size_t n_changes;
    size_t counts[SYNC_KINDS];
    struct slice *notes; /* what was left out, and why */
    size_t n_notes;
    size_t open;    /* accounts of this directory that are open now */
    size_t offices; /* of these, those with a role beyond an employee's */
    size_t taken;   /* that would lose it, and stay open */
};

/* Make the plan; all in the arena. */
void sync_plan_make(const struct sync_scene *scene, struct arena *arena, struct sync_plan *out);

/* Whether so many accounts would be closed that a person is to confirm it: more than a third, and at least SYNC_CLOSE_MIN; or
 * all, because nobody is left. Or two roles and more would be taken, and more than a third: a group whose members cannot be
 * read any more looks like one that has none. */
#define SYNC_CLOSE_MIN 5
bool sync_plan_is_alarming(const struct sync_plan *plan);

/* sync_text.c */

/* Whether the text is in the list; whether two lists have the same texts, in whatever order. */
bool sync_has(const struct cbor_list *list, struct slice text);
bool sync_is_same(const struct cbor_list *a, const struct cbor_list *b);

/* What becomes of the account, for people: `why`, role, groups, addresses; `was` may be NULL. */
struct slice sync_describe(const struct account *was, const struct account *now, const char *why,
                           struct arena *arena);
