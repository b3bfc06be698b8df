/* keeper/backlog - letters that wait for inspection. Those to be sent go before those that were
 * imported, and letters that come in before both: keeper/burst. See work.c. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "keeper/burst.h"
#include "keeper/parcel.h"

#define BACKLOG_GROUP 16 /* imported letters that are taken at once */

#define BACKLOG_LETTERS_MAX 2000 /* imported letters that wait before more are taken */
#define BACKLOG_BYTES_MAX   ((uint64_t)32 << 20) /* in memory: after a large letter, none */
#define BACKLOG_BYTES_MS    60000                /* so long these hold up a batch */

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
    uint64_t imported_bytes; /* in memory, of imported letters that wait or are in hand */
    bool closed;
    atomic_size_t arriving; /* letters that are being recorded; not under the lock */
};

void backlog_add(struct keeper *k, struct parcel *p);     /* takes the reference */
void keeper_work(void *keeper);                           /* a worker's thread */
void backlog_put_off(struct keeper *k, struct parcel *p); /* likewise: each time for longer */
void backlog_close(struct keeper *k);
void backlog_drop(struct keeper *k); /* when no thread runs: what waits is in the ledger */

/* Whether an import has to wait before it takes more, which did so for `waited_ms`. `awaited`: a server waits for its
 * 250, and only the number of letters holds it up. So it is for all after a while: a letter that cannot be inspected, or
 * letters to be sent that come without end, must not stop what is taken. */
bool backlog_is_full(struct keeper *k, bool awaited, int64_t waited_ms);

/* The next letter that is to be sent, or several that were imported; 0 when closing. Then say how many
 * are no longer worked at, and how many bytes of them were `counted` when they were taken. */
size_t backlog_take(struct backlog *b, struct parcel *parcels[static BACKLOG_GROUP]);
void backlog_done(struct backlog *b, size_t n, uint64_t counted);

/* How many wait for a worker, imported ones too. */
size_t backlog_length(struct backlog *b);
