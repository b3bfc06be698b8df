/* keeper/lanes - entries of the queue that may go now, in a lane for each next hop. Lanes take
 * turns, so that a slow or much loved host keeps nobody else waiting. The queue's lock guards
 * them. */
#pragma once

#include "keeper/queue.h"

#define LANES_BUCKETS 1024

struct queue_lane {
    struct queue_lane *next;      /* in its bucket */
    struct queue_lane *turn_next; /* among the lanes that have something ready */
    bool has_turn;
    struct queue_entry *head, *tail;
    size_t in_hand; /* of its entries; the queue counts */
    struct slice key;
};

struct lanes {
    struct queue_lane *buckets[LANES_BUCKETS];
    struct queue_lane *turn_head, *turn_tail;
};

/* Free the lanes; the entries are the queue's. */
void lanes_done(struct lanes *l);

/* The lane with that key, made when there is none. */
struct queue_lane *lanes_of(struct lanes *l, struct slice key) __attribute__((returns_nonnull));

/* The lane with that key if it has an entry and fewer than `per_lane` in hand, else NULL. */
struct queue_lane *lanes_find(struct lanes *l, struct slice key, size_t per_lane);

/* The first such lane in turn, or NULL. It then stands last. */
struct queue_lane *lanes_next(struct lanes *l, size_t per_lane);

/* Put the entry at the end of its lane. */
void lanes_add(struct lanes *l, struct queue_entry *entry);

/* Take an entry out of the lane in which it stands. */
void lanes_remove(struct queue_entry *entry);
