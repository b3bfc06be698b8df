/* keeper/retention - how long letters are kept: the rules in force, what is recorded of each letter by
 * them, and looking at all letters again when they change.
 *
 * The rules lie in the ledger, and where they stand in the catalog; a book of them is in memory, counted,
 * so that a worker goes on with the one it began with. A changed rule holds for the letters that come
 * when its book is made. For those before it, one thread looks at every letter, behind everything else,
 * and records what is different now; it begins when nobody works by an older book any more, so no letter
 * is passed by. How far it came is kept in the state; losing that costs time and nothing else. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "formats/mail/header.h"
#include "keeper/parcel.h"
#include "letter/findings.h"
#include "letter/records.h"
#include "letter/retention.h"

#define KEEPER_STAMP_MAX ((size_t)1 << 20) /* bytes of a RECORD_CLASSES */

struct keeper;
struct catalog;
struct rule_proof;
struct retention_rules; /* a book and its memory */

struct retention {
    pthread_mutex_t lock; /* guards `now`, `alive` and the references */
    struct retention_rules *now;
    size_t alive;             /* books that somebody works by, the one in force among them */
    _Atomic uint64_t wanted;  /* the newest record of a rule or date that was made */
    _Atomic uint64_t looking; /* the version that the thread looks for, or is done with */
    _Atomic uint64_t next;    /* letters from this record on are still to be looked at ... */
    _Atomic uint64_t end;     /* ... before this one */
    _Atomic uint64_t left;    /* their number when it was last counted, with what follows */
    _Atomic uint64_t unruled;
    _Atomic bool again; /* look at all letters once more, though no rule changed */
};

/* What was found out about a letter, for its stamp. */
struct retention_look {
    const struct facts *facts;
    const struct findings *findings;  /* NULL: not asked for */
    int terms_fd;                     /* its words, or -1 */
    const struct mail_header *header; /* NULL: not asked for */
};

/* The rules in force; give them back when what was found by them is recorded. Never NULL. */
struct retention_rules *retention_hold(struct keeper *k) __attribute__((returns_nonnull));
void retention_release(struct keeper *k, struct retention_rules *r);

/* Whether rules ask for a letter's header, for what inspection found, or whether it must be read again for
 * its words and labels. */
bool retention_wants_header(const struct retention_rules *r);
bool retention_wants_findings(const struct retention_rules *r);
bool retention_wants_reading(const struct retention_rules *r, const struct facts *f);

/* What the rules say of it; lists from the arena. */
void retention_judge_letter(const struct retention_rules *r, const struct retention_look *look,
                            struct arena *arena, struct classes *out);

/* The same as the body of a record; nothing is appended for a letter under no rule. */
void retention_write(const struct retention_rules *r, const struct retention_look *look,
                     struct arena *arena, struct buf *body);

/* Make the book that is in force anew, if records that are newer stand in the catalog. */
bool retention_reload(struct keeper *k, struct error *e) MUST_CHECK;

/* Rules or dates were recorded, the last of them as record `seq`: from now on nothing is settled that does not know
 * them. Called with `order` of the approvals held since before they were recorded, so that nothing is being destroyed by
 * older ones. */
void retention_wants(struct keeper *k, uint64_t seq);

/* Have them in force; without that lock. */
void retention_changed(struct keeper *k);

/* Whether every letter was looked at by the newest rules. */
bool retention_is_settled(struct keeper *k);

/* Open the catalog for who destroys letters. ERROR_BUSY while what it says of them, catalog_ended() above all, may
 * not be what the newest rules say: letters are still to be looked at, or it is being made anew. */
bool retention_settled_catalog(struct keeper *k, struct catalog **out, struct error *e) MUST_CHECK;

/* The newest record of a rule or date that it knows. */
uint64_t retention_version_of(const struct retention_rules *r);
uint64_t retention_version_now(struct keeper *k); /* of those in force */

/* Whether they are what the ledger itself says (keeper/approvals). */
bool retention_fits(const struct retention_rules *r, const struct rule_proof *proof);

/* The catalog was made anew: have the rules in force be what it says, and every letter looked at again. */
bool retention_renew(struct keeper *k, struct error *e) MUST_CHECK;

/* Whether a rule in force names that group of accounts. */
bool retention_names_group(struct keeper *k, struct slice group);

/* Whether all work by the rules in force. */
bool retention_is_alone(struct keeper *k);

/* What it takes in memory, and how many classes there are. */
size_t retention_bytes(const struct retention_rules *r, size_t *classes, size_t *dates);

/* How many letters are still to be looked at. */
bool retention_left(struct keeper *k, struct catalog *catalog, uint64_t *left,
                    struct error *e) MUST_CHECK;

bool retention_open(struct keeper *k, struct error *e) MUST_CHECK; /* once the catalog is whole */
void retention_close(struct keeper *k);
void keeper_retention(void *keeper); /* the thread: retention_sweep.c */
