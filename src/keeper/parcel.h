/* keeper/parcel - one letter between its 250 and its last outcome, as the keeper holds it.
 *
 * Counted references: the backlog, the index and each queue entry hold one. The members before
 * `lock` are set before the parcel is shared, and never change; the references to records and the
 * copies in memory are filled by the worker that protects the letter, before the queue sees it.
 * What a parcel keeps in memory is only a cache of the ledger and is dropped when the letter has to
 * wait. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "base/own.h"

#include "ledger/ledger.h"
#include "letter/records.h"

/* What all parcels together keep in memory: a queue of any length leaves descriptors and memory for
 * the letters that come. */
#define PARCEL_CACHE_MAX ((size_t)128 << 20) /* bytes */
#define PARCEL_FILES_MAX 2000                /* memory files */

/* A sealed copy that leaves. */
struct parcel_copy {
    struct ledger_ref ref; /* of its record */
    int fd;                /* the copy in memory, or -1 */
    uint64_t size;         /* these two are known once it was in memory */
    bool has_8bit;
};

struct keeper;

struct parcel {
    struct letter_id id;
    uint64_t seq; /* of the facts record */
    uint64_t kind;
    uint64_t received_at;
    uint64_t size; /* bytes of the letter */
    struct ledger_ref facts;
    struct ledger_ref content;
    bool decided; /* its decision is in the ledger: only the index still waits for it */

    bool parks; /* it waits until recipients were told passwords; who has it in hand sets it */

    /* Scanners gave no verdict of it, so often while they gave one of others; who has it in hand counts (keeper/scanning). */
    bool unscanned;
    unsigned unscanned_alone;
    uint64_t scanned_then; /* how many letters had all verdicts when it had none */

    /* It could not be decided for the time being, so often, since then; who has it in hand counts (keeper/backlog). */
    bool undecided;
    unsigned tries;
    int64_t since_ms, due_ms; /* steady clock */

    /* Bytes of it among those that imports wait for; who has it in hand reads them (keeper/backlog). */
    uint64_t counted;

    struct parcel *next;          /* in the backlog or the index's list: one at a time */
    struct parcel *older, *newer; /* in the list of those not indexed: see indexer.c */
    uint64_t low;                 /* its seq is not below this */
    atomic_uint references;

    struct ledger_ref
        findings; /* as the catalog says, of one that is only indexed again; or zero */
    struct ledger_ref decision; /* set with `decided` */

    pthread_mutex_t lock;  /* guards the caches below */
    struct buf facts_body; /* CBOR of struct facts; empty: read it from the ledger */
    size_t facts_kept;     /* bytes of it that the budget knows of */
    int content_fd;        /* sealed memory file, or -1 */
    struct parcel_copy *copies;
    size_t n_copies;          /* at least one; neither changes once the parcel is shared */
    struct parcel_copy only;  /* where there is no second one */
    struct ledger_ref *again; /* of the redecisions behind its decision, in their order */
    size_t n_again;
};

/* A new parcel with one reference and no caches. Never NULL. */
struct parcel *parcel_new(void) __attribute__((returns_nonnull));

/* It was decided once more: there is one redecision behind those before. */
void parcel_add_again(struct parcel *p, struct ledger_ref ref);

/* Where these are; the list is from the arena. Returns how many there are. */
size_t parcel_again(struct parcel *p, struct arena *arena, struct ledger_ref **out);

/* Its decision with all redecisions, whose rulings stand behind the decision's own, and when the decision itself was recorded. ERROR_CORRUPT
 * when the catalog names others. */
bool parcel_decision(struct keeper *k, struct parcel *p, struct arena *arena, struct decision *out,
                     uint64_t *at, struct error *e) MUST_CHECK;

/* Whether a record that the catalog named has this id, which is the parcel's; otherwise false with ERROR_CORRUPT. The
 * catalog is not authenticated, the records are. */
bool parcel_owns(const struct parcel *p, struct slice id, struct error *e) MUST_CHECK;

/* One more reference; returns p. */
struct parcel *parcel_hold(struct parcel *p);

/* Give a reference back; the last one frees. NULL is fine. */
void parcel_drop(struct parcel *p);

/* Forget what can be read from the ledger again. */
void parcel_forget(struct parcel *p);

/* The letter is recorded: keep its facts if the budget for all parcels allows it. */
void parcel_keep_facts(struct parcel *p);

/* Keep the content for inspection if the budget for all parcels allows it; `fd` becomes the parcel's
 * or is closed. */
void parcel_keep_content(struct parcel *p, int fd);

/* How many bytes of its content are in memory: all or none. */
uint64_t parcel_content_kept(struct parcel *p);

/* Inspection is over: the content is not needed again soon. */
void parcel_forget_content(struct parcel *p);

/* Whether a copy of that size would be kept now: otherwise it need not be made. */
bool parcel_may_keep_copy(uint64_t size);

/* Have room for so many copies, 1 or more; once, before the parcel is shared. Nothing is known of them yet. */
void parcel_expect_copies(struct parcel *p, size_t n);

/* The copy of that number, as a ruling names it: from 1 on, 0 is the first. NULL: there is none. */
struct parcel_copy *parcel_copy_at(struct parcel *p, uint64_t copy);

/* Keep one of them for delivery if the budget for all parcels allows it; `fd` becomes the parcel's or is closed. -1: none was
 * made. */
void parcel_keep_copy(struct parcel *p, struct parcel_copy *copy, int fd, uint64_t size,
                      bool has_8bit);

/* The parcel's facts, from memory or from the ledger. */
bool parcel_facts(struct keeper *k, struct parcel *p, struct arena *arena, struct facts *out,
                  struct error *e) MUST_CHECK;

/* A descriptor of the letter's bytes as a sealed memory file; the caller closes it. */
bool parcel_content(struct keeper *k, struct parcel *p, int *fd, struct error *e) MUST_CHECK;

/* The same of a copy that leaves, made again from its record when memory has forgotten it. */
bool parcel_copy(struct keeper *k, struct parcel *p, struct parcel_copy *copy, int *fd,
                 struct error *e) MUST_CHECK;

/* The record of one of its copies. ERROR_CORRUPT when the catalog names another one. */
bool parcel_sealed(struct keeper *k, struct parcel *p, const struct parcel_copy *copy,
                   struct arena *arena, struct sealed *out, struct error *e) MUST_CHECK;

/* What stands for all its copies: the digest of the only one, or the SHA-256 of those of several, one behind the other. In the arena. */
bool parcel_digest(struct keeper *k, struct parcel *p, struct arena *arena, struct slice *digest,
                   struct error *e) MUST_CHECK;

/* A first-in first-out list of parcels. */
struct parcel_list {
    struct parcel *head, *tail;
    size_t count;
};

/* Append at the tail, and take from the head: NULL when the list is empty. The list owns a
 * reference. */
void parcel_list_add(struct parcel_list *l, struct parcel *p);
struct parcel *parcel_list_take(struct parcel_list *l);

OWN_BY(parcel, struct parcel, parcel_drop)
