/* keeper/lanes - entries of the queue that may go now, in a lane for each next hop. Lanes take
 * turns, and one gets more only as its host answers: a dead or slow host binds a few deliveries and
 * not all, and keeps nobody else waiting. The queue's lock guards them. */
#pragma once

#include "keeper/queue.h"

#define LANES_BUCKETS 1024
#define LANE_FIRST    2 /* in hand of a lane of which nothing is known yet */

struct queue_lane {
    struct queue_lane *next;      /* in its bucket */
    struct queue_lane *turn_next; /* among the lanes that have something ready */
    bool has_turn;
    struct queue_entry *head, *tail;
    size_t in_hand; /* of its entries; the queue counts */
    size_t allowed; /* in hand at most, whatever the settings allow: see lane_learn() */
    size_t entries; /* that name it, wherever they are */
    struct slice key;
};

struct lanes {
    struct queue_lane *buckets[LANES_BUCKETS];
    struct queue_lane *turn_head, *turn_tail;
};

/* Free the lanes; the entries are the queue's. */
void lanes_done(struct lanes *l);

/* The lane of one more entry, made when there is none with that key. */
struct queue_lane *lanes_of(struct lanes *l, struct slice key) __attribute__((returns_nonnull));

/* That entry is no more; the lane goes with its last one. */
void lanes_leave(struct lanes *l, struct queue_lane *lane);

/* The lane with that key if it has an entry ready that is within the limits, else NULL. */
struct queue_lane *lanes_find(struct lanes *l, struct slice key, const struct queue_limits *limits);

/* The first such lane in turn, or NULL. It then stands last. */
struct queue_lane *lanes_next(struct lanes *l, const struct queue_limits *limits);

/* An attempt is over: each that the host answered lets one more go at once, and after one that it
 * did not answer they go one by one. */
void lane_learn(struct queue_lane *lane, bool answered);

/* Put the entry at the end of its lane. */
void lanes_add(struct lanes *l, struct queue_entry *entry);

/* Take an entry out of the lane in which it stands. */
void lanes_remove(struct queue_entry *entry);
