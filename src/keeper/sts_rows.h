/* keeper/sts_rows - the table of keeper/sts: domains in memory, and their policies in the state. For sts.c alone; the caller
 * holds the lock, or is alone. */
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
    bool unasked;                    /* nobody outside could be asked the last time */
    int64_t seen_at;                 /* wall clock: the last session; 0: none since the start */
    char proof[STS_PROOF_MAX + 1];   /* of it: what authenticated the server, */
    char published[STS_WHY_MAX + 1]; /* and what the domain published */
};

struct sts_cache {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t looked;
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

/* Write a row, and the list of the domains that have one. */
bool sts_row_save(struct keeper *k, const struct sts_row *r, struct error *e) MUST_CHECK;
bool sts_list_save(struct keeper *k, struct error *e) MUST_CHECK;
