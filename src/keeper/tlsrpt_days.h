/* keeper/tlsrpt_days - the counts of keeper/tlsrpt: of some days, for each domain, under each policy. For its own files; the
 * caller holds the lock, or is alone.
 *
 * Bounded: beyond RPT_SHARDS * RPT_DOMAINS_MAX domains of a day nothing is counted of further ones, and beyond
 * RPT_FAILURES_MAX kinds of failures under a policy they are counted in its sum alone. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "formats/cbor/cbor.h"
#include "requests/sts.h"

#define RPT_DAYS         3 /* today and those whose reports may still go out */
#define RPT_SHARDS       128
#define RPT_DOMAINS_MAX  32 /* of one shard */
#define RPT_POLICIES     3
#define RPT_FAILURES_MAX 16
#define RPT_DAY_MS       INT64_C(86400000)

struct keeper;

struct rpt_failure {
    struct slice type;
    struct slice host;
    struct slice address;
    uint64_t count;
};

struct rpt_policy {
    uint64_t kind; /* enum tls_policy */
    uint64_t successes;
    uint64_t failed;
    struct cbor_list failures; /* struct rpt_failure, with room for RPT_FAILURES_MAX */
};

struct rpt_domain {
    struct slice domain;
    uint64_t tries;            /* to send its report */
    struct cbor_list policies; /* struct rpt_policy, with room for RPT_POLICIES */
    int64_t next_at;           /* steady clock: not before; 0 after a start */
};

/* A part of one day's domains: one row of the state. */
struct rpt_shard {
    int64_t day; /* since 1970 */
    bool dirty;
    struct arena arena;
    struct rpt_domain domains[RPT_DOMAINS_MAX];
    size_t n;
};

struct rpt_days {
    struct rpt_shard shards[RPT_DAYS][RPT_SHARDS];
};

/* Read all that the state holds of the days up to this one. */
bool rpt_days_load(struct keeper *k, struct rpt_days *d, int64_t today, struct error *e) MUST_CHECK;
void rpt_days_free(struct rpt_days *d);

/* Count one session of a domain. */
void rpt_days_count(struct rpt_days *d, int64_t day, struct slice domain,
                    const struct tls_result *r);

/* The first domain of a day before this one whose report may be tried now, or NULL. */
struct rpt_domain *rpt_days_due(struct rpt_days *d, int64_t today, int64_t steady, int64_t *day);

/* Find a domain again; NULL when it is gone. */
struct rpt_domain *rpt_days_find(struct rpt_days *d, int64_t day, struct slice domain);

/* Its report needs no more. */
void rpt_days_drop(struct rpt_days *d, int64_t day, struct slice domain);

/* It was changed otherwise. */
void rpt_days_touch(struct rpt_days *d, int64_t day, struct slice domain);

/* Take one part that was changed and must be written: its row's name and value into the arena. False when there is none. */
bool rpt_days_dirty(struct rpt_days *d, struct arena *arena, struct slice *name,
                    struct slice *value);
