/* verify/check - one check of a ledger under way: what segments and packs share.
 *
 * docs/ledger-format.md, sections 8 and 12, is what is checked. One thread; the files are only read. */
#pragma once

#include "verify/claims.h"
#include "verify/format.h"
#include "verify/input.h"
#include "verify/note.h"
#include "verify/report.h"
#include "verify/tree.h"

#define NAME_ROOM 40 /* of a file in the ledger's folder */

/* A checkpoint that the ledger must agree with. */
struct checkpoint {
    uint64_t size;
    uint8_t root[HASH_LEN];
    bool checked;
    bool holds;
};

/* What the last segment so far was like, for the next one's start. */
struct former {
    bool known;     /* its end was reached */
    uint64_t ended; /* reason of its end record; 0: none */
};

struct check {
    int folder;
    struct report *report;
    struct hash *hash;              /* for what is over before anything else is hashed */
    struct hash *batch;             /* for what goes on meanwhile */
    struct checkpoint *checkpoints; /* ascending by size */
    size_t n_checkpoints;
    size_t next_checkpoint;
    uint64_t agreed; /* size of the last checkpoint that holds */

    bool id_known;
    uint8_t id[ID_LEN];
    bool counted;  /* `next` is known */
    uint64_t next; /* sequence number of the next record */
    bool loose;    /* or it is less, but not below this: the next record tells */
    uint64_t loose_from;
    bool trusted;     /* `tree` is known: nothing was lost since the last start */
    struct tree tree; /* of the records before `next` */
    struct former former;
    struct claims claims;

    uint64_t segments, packs, bytes;
    uint64_t erased; /* records that erasures name */
    uint64_t tail;   /* bytes behind the last commit */
};

/* What the successor's start says of a segment. */
struct successor {
    bool exists;
    bool whole; /* the lengths are known */
    uint64_t length, behind;
};

/* -- common.c -- */

/* Before the first record: the checkpoint of an empty ledger, if there is one. */
void check_start_of_all(struct check *c);

/* Add a record's leaf, and see to the checkpoints of that size. */
void check_push(struct check *c, uint32_t segment, const struct record *r);

/* `c->next` has moved to here: checkpoints before that can be compared no more. */
void check_skipped(struct check *c, uint32_t segment);

/* Take the start of a segment: form, chain, tree. */
void check_start(struct check *c, uint32_t segment, uint64_t offset, struct view body);

/* Take from a start's payload what it says of the predecessor, if it is segment `number`'s and stands. */
void check_successor(struct check *c, const struct record *r, struct view body, uint32_t number,
                     struct successor *out);

/* What a clear record of the other types says. `where` is its place. */
void check_own(struct check *c, const struct place *where, const struct record *r,
               struct view body);

/* The ledger's id must be the same in all files. */
void check_id(struct check *c, const struct place *where, const uint8_t id[static ID_LEN]);

/* -- segment.c -- */

/* Check a segment. `last` is whether none follows. */
void segment_check(struct check *c, struct input *in, uint32_t number,
                   const struct successor *successor, bool last);

/* What segment `number`'s start says of the one before. */
void segment_successor(struct check *c, struct input *in, uint32_t number, struct successor *out);

/* -- ledger.c -- */

/* Check all of the ledger in a folder. False when there is none or nothing can be said; that is
 * reported. */
bool ledger_check(struct check *c) __attribute__((warn_unused_result));

/* Begin; `checkpoints` (n) must ascend by size. End frees what was allocated. */
void check_init(struct check *c, int folder, struct report *report, struct checkpoint *checkpoints,
                size_t n);
void check_done(struct check *c);
