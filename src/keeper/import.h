/* keeper/import - imports under way: which were begun and have not ended. */
#pragma once

#include <pthread.h>

#include "base/arena.h"
#include "base/error.h"

#include "letter/id.h"
#include "letter/records.h"
#include "requests/keeper.h"

#define IMPORTS_MAX 16 /* at once */

struct import {
    bool used;
    uint64_t turn; /* when it was last asked about: of all, the lowest is the oldest */
    struct letter_id id;
    uint8_t ticket[IMPORT_TICKET_LEN]; /* of whoever began it last */
    struct import_record record;       /* the last one, with what the first said */
    struct arena arena;                /* its texts */
};

struct imports {
    pthread_mutex_t lock; /* held over a whole batch; guards all */
    uint64_t turns;
    struct import open[IMPORTS_MAX];
    struct import **standing; /* that never end, see imports_stand() */
    size_t n_standing;
    bool loaded; /* those of the ledger are among them */
};

/* The import of that id, or NULL; it is then the newest. With the lock held. */
struct import *imports_find(struct imports *all, struct slice id);

/* The import whose ticket that is, or NULL; it is then the newest. With the lock held. */
struct import *imports_admit(struct imports *all, struct slice ticket);

/* Whether both are of the same mail. */
bool import_is_same(const struct import_record *a, const struct import_record *b);

/* Keep what an import's first record says, in memory of its own, and give it a new ticket. */
void import_remember(struct import *x, const struct letter_id *id, const struct import_record *r);
void import_new_ticket(struct import *x);

struct keeper;

/**
 * Begin, or go on with, an import that does not end by itself (SOURCE_IMAP, SOURCE_JOURNAL). With the lock
 * held.
 *
 * @param uid_validity  of a folder: when it is another one than that of x->record.next, the import ends and
 *                      a new one begins; 0: does not count
 * @param out           set to the import, with a new ticket
 */
bool imports_stand(struct keeper *k, const struct import_record *wanted, uint64_t uid_validity,
                   struct import **out, struct error *e) MUST_CHECK;

/* Free those that stand. */
void imports_forget_standing(struct imports *all);

/* Free what they hold; nobody uses them any more. */
void imports_done(struct imports *all);
