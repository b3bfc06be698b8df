/* keeper/indexer - writes what the inspector found into the search index, in batches, and heals what
 * is missing there. One thread writes; the others hand over. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "keeper/parcel.h"
#include "letter/findings.h"
#include "letter/records.h"

struct keeper;
struct search_index;

/* What the index still lacks. */
struct index_work;

struct indexer {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct index_work *head, *tail; /* inspected, to be written */
    size_t waiting;                 /* their number */
    size_t bytes;                   /* of memory that they take */
    pthread_cond_t taken;           /* some of them are being written */
    struct parcel *oldest, *newest; /* accepted, not written: by `low` */
    uint64_t *removed;              /* letters that were erased, to be taken out */
    size_t n_removed;
    bool removing;
    bool closed;
    int64_t anew_at; /* the thread's: the steady clock, when words of erased letters go; 0: none */
    _Atomic bool rebuild;       /* begin anew */
    _Atomic bool suspect;       /* somebody could not read it */
    _Atomic bool failed;        /* to clear or to write, since a rebuild was asked for */
    _Atomic uint64_t indexed;   /* letters written since the start, for metrics */
    _Atomic uint64_t position;  /* everything below it is in the index */
    struct search_index *index; /* the thread's own */
    bool refused;               /* likewise: it is damaged, as who writes it found */
    int64_t tidy_at;            /* likewise: the steady clock, before which nothing is merged */
};

/* Before the letter is appended, or when it was and the index lacks it: from now on the index's
 * position stays below it. */
void indexer_expect(struct keeper *k, struct parcel *p);

/* The letter was not recorded after all. */
void indexer_forget(struct keeper *k, struct parcel *p);

/* Hand over what the inspector found; `terms_fd` is taken, or -1. */
void indexer_add(struct keeper *k, struct parcel *p, const struct facts *f,
                 const struct findings *found, int terms_fd);

/* Somebody could not read the index: have it looked at, not more often than it can be read. */
void indexer_suspect(struct keeper *k);

/* Letters were erased, by their facts' numbers: they are found no more within a second, and at once when that is
 * waited for. The index is made anew a while later, since their hashed words cannot be taken out one by one. */
void indexer_remove(struct keeper *k, const uint64_t *seqs, size_t count);
void indexer_removed(struct keeper *k);

/* The thread's own steps: at its start, in each round, and when the index was cleared. */
void indexer_removals_begin(struct keeper *k);
void indexer_removals_go_on(struct keeper *k);
void indexer_removals_done(struct keeper *k);

/* Likewise: say that it could not be cleared or written. */
void indexer_failed(struct keeper *k, const struct error *e);

/* Likewise: after a batch, have merged what is due; with nothing else to do, a step of what makes searches quicker, and
 * whether there may be another. A failure harms no letter: it is said, and tried again after a pause. */
void indexer_merge(struct keeper *k);
bool indexer_tidy(struct keeper *k);

/* Before letters are erased: remember that this must be done, also after a crash. */
bool indexer_expect_removal(struct keeper *k, struct error *e) MUST_CHECK;

/* Whether it holds all letters before record `head`; waits some seconds for that. */
bool indexer_holds(struct keeper *k, uint64_t head);

/* Make the index anew from what is in the catalog; returns when it covers the ledger's first `size`
 * records, or the keeper closes. */
bool indexer_rebuild(struct keeper *k, uint64_t size, struct error *e) MUST_CHECK;

void keeper_index(void *keeper); /* the thread */
bool indexer_open(struct keeper *k, struct error *e) MUST_CHECK;
void indexer_close(struct keeper *k);
