/* keeper/contacts - the books of contacts, and how much of them anybody is shown.
 *
 * Invariants:
 *  1. What a caller was shown is counted before it is shown: found or listed, in all roles.
 *     An account of a drill (keeper/drills) is shown rows without anything in them.
 *     It is on the disk by then as well: a restart begins no new hour or day (keeper/contact_shown).
 *  2. A list or export is a record before it is given.
 *  3. A decoy is answered for as any other entry wherever somebody could compare: adding, changing, removing,
 *     showing by its whole address, and in how many entries a book has. Only finding leaves it out, and who finds out by
 *     that is noticed.
 *
 * Locks: `changing` is held while the state is written, `lock` for moments to change what is in memory, and shared by all
 * who read it, so that nobody's long look at a book keeps a letter waiting. The first is taken before the second; the
 * meter's is taken alone. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "keeper/admin.h"
#include "keeper/contact_book.h"
#include "keeper/contact_meter.h"

struct contacts {
    pthread_mutex_t changing;
    pthread_rwlock_t lock;
    struct contact_book *book;
    pthread_mutex_t meter_lock;
    struct contact_meter *meter;
    _Atomic bool decoys;   /* they are on */
    _Atomic bool hurry;    /* look at once whether some are due */
    _Atomic uint64_t hits; /* letters to decoys since the start */
    _Atomic bool waiting;  /* some are due, and could not be made yet */
    int64_t look_at;       /* the watch's, as the next: steady clock */
    uint64_t
        look_head; /* records that the index is to hold before some are made; 0: all that there are then */
};

#define CONTACTS_DECOYS_ON "contacts/decoys" /* value of the state that is there while they are */

/* Open the books; NULL is fine to close. */
bool contacts_open(struct keeper *k, struct error *e) MUST_CHECK;
void contacts_close(struct keeper *k);

ipc_handler keeper_on_contact_put;    /* contacts_change.c */
ipc_handler keeper_on_contact_remove; /* contacts_change.c */
ipc_handler keeper_on_contact_find;   /* contacts_show.c */
ipc_handler keeper_on_contact_list;   /* contacts_show.c */
ipc_handler keeper_on_contact_export; /* contacts_export.c */
ipc_handler keeper_on_decoys_order;   /* decoys_make.c */
ipc_handler keeper_on_recipient;      /* decoys.c */

/* Of subaddresses, by the settings; 0: there are none. */
uint8_t contacts_separator(const struct keeper *k);

/* Write entries, durably, then show them. `changing` is held. */
bool contacts_write(struct keeper *k, const struct contact_row *rows, size_t n,
                    struct error *e) MUST_CHECK;
/* Take an entry out for good. `changing` is held. */
bool contacts_drop(struct keeper *k, const struct contact_row *row, struct error *e) MUST_CHECK;

/**
 * Whose book it is that somebody asks for.
 *
 * @param changes  it is to be changed, which of the company's only who runs the system may
 * @return         false with ERROR_DENIED
 */
bool contacts_owner(const struct keeper_admin *admin, bool company, bool changes,
                    struct slice *owner, struct error *e) MUST_CHECK;
