/* keeper/sts_rows - the table of keeper/sts: domains in memory, and their policies in the state. For sts.c alone; where
 * nothing else is said the caller holds the lock, or is alone. */
#pragma once

#include <pthread.h>

#include "keeper/sts.h"

#define STS_BUCKETS    1024
#define STS_DOMAIN_MAX 240 /* octets, so that the names in front of it fit */

/* One domain, with or without a policy. */
struct sts_row {
    struct sts_row *next;
    char domain[STS_DOMAIN_MAX + 1];
    char id[STS_ID_MAX + 1];
    char why[STS_WHY_MAX + 1];
    const char *problem;
    struct sts_policy policy;        /* STS_NO_MODE: none */
    struct arena arena;              /* of its patterns */
    int64_t fetched_at;              /* wall clock */
    int64_t looked_at;               /* wall clock */
    int64_t checked_at;              /* steady clock; 0: never */
    int64_t answered_at;             /* steady clock: the DNS said whether there is one; 0: never */
    int64_t tried_at;                /* steady clock: the last fetch, 0: none */
    int64_t used_at;                 /* steady clock */
    bool busy;                       /* a thread looks it up */
    bool listed;                     /* the list of domains has it, or is about to */
    bool unasked;                    /* nobody outside could be asked the last time */
    int64_t seen_at;                 /* wall clock: the last session; 0: none since the start */
    char proof[STS_PROOF_MAX + 1];   /* of it: what authenticated the server, */
    char published[STS_WHY_MAX + 1]; /* and what the domain published */
};

struct sts_cache {
    pthread_mutex_t lock;  /* guards what follows */
    pthread_cond_t looked; /* a lookup ended, or a write */
    size_t looking;        /* lookups under way */
    bool listing;          /* somebody writes the list of domains */
    struct sts_row *buckets[STS_BUCKETS];
    size_t n;
};

/* The row of a domain, or NULL. */
struct sts_row *sts_row_find(struct sts_cache *c, struct slice domain);

/* A new one, of a domain of at most STS_DOMAIN_MAX octets; another one may go for it. */
struct sts_row *sts_row_add(struct keeper *k, struct slice domain) __attribute__((returns_nonnull));

/* Does its policy hold at this wall time? */
bool sts_row_in_force(const struct sts_row *r, int64_t now);

/* Put a copy of a policy in the place of its own. */
void sts_row_set(struct sts_row *r, const struct sts_policy *p, struct slice id);

/* A policy as it becomes one domain's row. */
struct sts_saving {
    struct slice domain;
    struct slice id;
    int64_t fetched_at;
    const struct sts_policy *policy;
    bool known; /* the list has the domain already */
};

/* Write the row, and the domain into the list of those that have one. Without the lock; the domain's row is busy, so that nobody
 * writes the same one. */
bool sts_save(struct keeper *k, const struct sts_saving *saving, struct error *e) MUST_CHECK;
