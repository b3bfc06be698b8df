/* keeper/queue - what is to be delivered, where to, and when: in memory, over parcels.
 *
 * An entry is one ruling of one letter: some recipients of one domain. Entries that share a next
 * hop stand in one lane; a lane hands out as many jobs at once as one host should get and answers,
 * and lanes take turns, so that a slow host delays nobody else. Everything here can be made again from the
 * catalog's queue rows.
 *
 * Thread-safe. An entry is at rest, in hand (the delivery process works on it, and names it by job
 * number) or busy (one thread of the keeper works on it, and nobody else touches it):
 *
 *     at rest ─ take ─► busy ─ let_go ─► in hand ─ grasp ─► busy ─ put_back ─► at rest
 *        ▲ ◄──────────────────────────── reclaim                  └ finish ─► freed
 *
 * A life is that of one delivery process: what a dead one had in hand goes back, and who asks in
 * its name afterwards gets nothing. Job numbers begin anywhere, because delivery outlives a keeper:
 * what it reports about a dead keeper's job must not be taken for another letter's outcome. */
#pragma once

#include "base/error.h"

#include "catalog/catalog.h"
#include "keeper/parcel.h"

#define QUEUE_ROUTE_MAX 512

struct queue;
struct queue_lane;

/* What a person ordered of an entry while it was in hand. */
enum queue_wish {
    QUEUE_NO_WISH,
    QUEUE_TO_HOLD,   /* done when it is put back */
    QUEUE_TO_CANCEL, /* done by who puts it back, or takes it next: it takes a record */
};

struct queue_entry {
    struct parcel *parcel; /* a reference */
    uint64_t ruling;
    struct slice domain; /* memory of the entry */
    struct slice route;  /* fixed next hop, or empty */
    struct slice reason; /* of the last deferral or the hold; memory of the entry */
    uint64_t level;
    uint64_t copy;   /* of the parcel, which it delivers; this and the three below never change */
    uint64_t method; /* enum rung of what protects its content */
    uint64_t bytes;  /* of that copy, as far as was known when it was queued */
    uint64_t guard;  /* of the ruling */
    bool closed;     /* a policy keeps it back, whoever else does: of the ruling too */
    bool released;   /* a person let it go although the next hop got worse */
    bool ordered;    /* somebody's order, or ours, holds it or let it go */
    bool waits;      /* for a second person: it is never handed out, whatever its state */
    bool told;       /* that it does; these are guarded by the queue's lock */
    int64_t waits_until; /* steady clock: then it goes back */
    bool smarthost;
    uint64_t state; /* enum queue_state */
    uint64_t attempt;
    uint64_t queued_at;
    uint64_t next_at;
    int64_t due_at; /* the same by the steady clock, while it is in the timetable */
    bool warned;
    uint16_t *pending; /* indexes of recipients; memory of the entry */
    size_t n_pending;

    uint64_t job;    /* number while it is busy or in hand, else 0 */
    uint64_t life;   /* of the delivery process that took it */
    bool begun;      /* this job's intent is recorded, so that its attempt is counted already */
    unsigned begins; /* how often this job asked to begin */
    bool busy;
    enum queue_wish wish; /* guarded by the queue's lock, also while busy */
    struct queue_lane *lane;
    struct queue_entry *next;                /* in its lane, or in a list that was taken */
    struct queue_entry *all_prev, *all_next; /* in the list of all */
    struct queue_entry *hand_next;           /* among those in hand */
    size_t heap_at;                          /* place in the timetable, from 1; 0: not in it */
    bool ready;                              /* stands in its lane */
};

/* An empty queue; free accepts NULL and frees the entries as well. */
struct queue *queue_new(void) __attribute__((returns_nonnull));
void queue_free(struct queue *q);

/* Copy a row's values into a new entry; `parcel` gets a reference. Not yet in any queue. */
struct queue_entry *queue_entry_new(struct parcel *parcel, const struct catalog_queue_row *row,
                                    const struct ruling *ruling, bool smarthost)
    __attribute__((returns_nonnull));

/* Free one that is in no queue. */
void queue_entry_free(struct queue_entry *entry);

/* Remember why it waits; a copy, cut at 300 bytes. Only by who has it in hand, or before it is
 * added. */
void queue_entry_reason(struct queue_entry *entry, struct slice reason);

/* Put an entry in: it belongs to the queue from then on. */
void queue_add(struct queue *q, struct queue_entry *entry);

/* What delivery may have in hand. */
struct queue_limits {
    size_t per_lane; /* jobs of one lane */
    uint64_t bytes; /* of the letters of all jobs: each has its copy in memory; one may be larger */
};

/**
 * Take an entry that is due, waiting up to `wait_ms` for one. It is busy.
 *
 * @param life   of the process that asks, from queue_reclaim()
 * @param route  only one of this lane (see queue_lane_key()); empty: any
 * @return       NULL when there was none in time, the life is over or the queue is closing
 */
struct queue_entry *queue_take(struct queue *q, uint64_t life, struct slice route,
                               struct queue_limits limits, int64_t wait_ms);

/* Make the entry busy that this life has in hand under that job number; NULL when there is none. */
struct queue_entry *queue_grasp(struct queue *q, uint64_t life, uint64_t job);

/* Count one more beginning of a busy entry's job; false when there were too many: each is a record,
 * and a process that was taken over must not fill the disk with them. */
bool queue_entry_begins(struct queue_entry *entry) MUST_CHECK;

/* The next hop of a busy entry did or did not answer: it gets more or fewer at once from now on. */
void queue_learn(struct queue *q, const struct queue_entry *entry, bool answered);

/* Leave a busy entry in hand. */
void queue_let_go(struct queue *q, struct queue_entry *entry);

/* Put a busy entry back, with its next_at and state as they are now. */
void queue_put_back(struct queue *q, struct queue_entry *entry);

/* A busy entry has nothing left to do: free it. */
void queue_finish(struct queue *q, struct queue_entry *entry);

/* Everything in hand goes back: the process that had it is gone. Returns the next one's life. */
uint64_t queue_reclaim(struct queue *q);

/**
 * Change waiting and held entries of a letter.
 *
 * @param ruling   counts from 1; 0: all of the letter's
 * @param state    new enum queue_state, or 0: leave it
 * @param next_at  new time, when `state` is QUEUE_WAITING
 * @param later    set to how many are in hand and will be held when they are put back; to let them
 *                 go is to want that no more
 * @return         how many there are; those in hand are not among them, nor what is let go and waits for a second person
 */
size_t queue_order(struct queue *q, const struct letter_id *id, uint64_t ruling, uint64_t state,
                   uint64_t next_at, uint64_t *later);

/* Take every waiting or held entry of a letter, to cancel them: busy, in a list linked by
 * `next`. Those in hand, `later` many, are to be cancelled when their attempt ends. */
struct queue_entry *queue_take_letter(struct queue *q, const struct letter_id *id, uint64_t ruling,
                                      uint64_t *later);

/* Whether, as far as the queue knows, a policy alone holds an entry and nobody has said a word about it. Of one that is not busy, or under the
 * queue's lock. */
bool queue_entry_is_stuck(const struct queue_entry *entry);

/* Take those entries of a letter that are so: busy, in a list linked by `next`. NULL: there are none. */
struct queue_entry *queue_take_stuck(struct queue *q, const struct letter_id *id);

/* The reason of an entry that nothing but a second person holds. */
#define QUEUE_WHY_WAITS "needs approval: `postern letter waiting`"

/* The second person approved a letter: its entries go where their state says, and their lifetime begins now. What is held
 * keeps its reason, or gets `why` where there is one. */
void queue_approve(struct queue *q, const struct letter_id *id, uint64_t now, struct slice why);

/* Whether something else than a second person holds an entry of it. */
bool queue_is_held(struct queue *q, const struct letter_id *id);

/* Sender and approvers know that it waits. */
void queue_told(struct queue *q, const struct letter_id *id);

/* Whether a busy entry is to be cancelled. */
bool queue_wants_cancel(struct queue *q, const struct queue_entry *entry);

/* Call back for each entry under the lock. Of a busy one only what never changes may be read. */
void queue_each(struct queue *q, void (*visit)(void *context, const struct queue_entry *entry),
                void *context);

struct queue_counts {
    uint64_t waiting;  /* due or deferred */
    uint64_t deferred; /* of these: not due yet */
    uint64_t held;     /* by an order, or for a second person */
    uint64_t in_hand;
    uint64_t oldest_at; /* queued_at of the oldest, 0 when empty */
    bool paused;
};

/* Count the entries by what they wait for. */
void queue_count(struct queue *q, struct queue_counts *out);

/* Wake all who wait and hand out nothing any more. */
void queue_close(struct queue *q);

/* Hand out nothing until resumed (`postern queue pause`). */
void queue_pause(struct queue *q, bool paused);
