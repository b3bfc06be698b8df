/* keeper/backlog - letters that wait for inspection. Those to be sent go before those that were
 * imported, and letters that come in before both: keeper/burst. See work.c. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "keeper/burst.h"
#include "keeper/parcel.h"

#define BACKLOG_GROUP 16 /* imported letters that are taken at once */
#define BACKLOG_STEPS                                                                              \
    9 /* 1 s, 2 s, 4 s, up to 256 s: until a letter is looked at again that cannot be decided */

struct keeper;

struct backlog {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct parcel_list list;
    struct parcel_list imported;             /* when nothing else waits */
    struct parcel_list later[BACKLOG_STEPS]; /* put off; each in the order of its times */
    struct burst burst;
    size_t busy;             /* workers at a letter */
    uint64_t imported_bytes; /* of letters that were imported: those that wait and those in hand */
    bool closed;
    atomic_size_t arriving; /* letters that are being recorded; not under the lock */
};

void backlog_add(struct keeper *k, struct parcel *p);     /* takes the reference */
void keeper_work(void *keeper);                           /* a worker's thread */
void backlog_put_off(struct keeper *k, struct parcel *p); /* likewise: each time for longer */
void backlog_close(struct keeper *k);
void backlog_drop(struct keeper *k); /* when no thread runs: what waits is in the ledger */

/* How many imported letters wait, and how many bytes they and those in hand have. */
size_t backlog_imported(struct keeper *k, uint64_t *bytes);

/* The next letter that is to be sent, or several that were imported; 0 when closing. Then say how many
 * are no longer worked at, and how many bytes those of them had that were imported. */
size_t backlog_take(struct backlog *b, struct parcel *parcels[static BACKLOG_GROUP]);
void backlog_done(struct backlog *b, size_t n, uint64_t imported_bytes);

/* How many wait for a worker, imported ones too. */
size_t backlog_length(struct backlog *b);
