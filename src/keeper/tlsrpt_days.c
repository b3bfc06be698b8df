#include "keeper/tlsrpt_days.h"

#include "base/log.h"

#include "keeper/internal.h"

#define SHARD_ARENA_MAX ((size_t)4 << 20)
#define ROW_MAX         ((size_t)200 << 10)

struct saved {
    uint64_t day;
    struct cbor_list domains;
};

static const struct cbor_field failure_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct rpt_failure, type, 32),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct rpt_failure, host, 255),
    CBOR_OPTIONAL(3, CBOR_TEXT, struct rpt_failure, address, 64),
    CBOR_FIELD(4, CBOR_UINT, struct rpt_failure, count, 0),
};
static const struct cbor_schema failure_schema = CBOR_SCHEMA(failure_fields, struct rpt_failure);

static const struct cbor_field policy_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct rpt_policy, kind, TLS_POLICY_STS),
    CBOR_OPTIONAL(2, CBOR_UINT, struct rpt_policy, successes, 0),
    CBOR_OPTIONAL(3, CBOR_UINT, struct rpt_policy, failed, 0),
    CBOR_SUB_OPTIONAL(4, CBOR_LIST, struct rpt_policy, failures, RPT_FAILURES_MAX, &failure_schema),
};
static const struct cbor_schema policy_schema = CBOR_SCHEMA(policy_fields, struct rpt_policy);

static const struct cbor_field domain_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct rpt_domain, domain, 255),
    CBOR_OPTIONAL(2, CBOR_UINT, struct rpt_domain, tries, 100),
    CBOR_SUB_OPTIONAL(3, CBOR_LIST, struct rpt_domain, policies, RPT_POLICIES, &policy_schema),
};
static const struct cbor_schema domain_schema = CBOR_SCHEMA(domain_fields, struct rpt_domain);

static const struct cbor_field saved_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct saved, day, 0),
    CBOR_SUB_OPTIONAL(2, CBOR_LIST, struct saved, domains, RPT_DOMAINS_MAX, &domain_schema),
};
static const struct cbor_schema saved_schema = CBOR_SCHEMA(saved_fields, struct saved);

static size_t shard_of(struct slice domain)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (size_t i = 0; i < domain.len; i++) {
        hash = (hash ^ domain.ptr[i]) * 16777619U;
    }
    return hash % RPT_SHARDS;
}

/* The part of a day; what it held of a day that is too long ago is forgotten. NULL for a day that is over for good. */
static struct rpt_shard *shard_at(struct rpt_days *d, int64_t day, size_t nth)
{
    struct rpt_shard *s = &d->shards[day % RPT_DAYS][nth];

    if (s->day == day) {
        return s;
    }
    if (s->day > day) {
        return NULL;
    }
    arena_reset(&s->arena);
    s->n = 0;
    s->day = day;
    return s;
}

static struct rpt_domain *find_in(struct rpt_shard *s, struct slice domain)
{
    for (size_t i = 0; i < s->n; i++) {
        if (slice_equal(s->domains[i].domain, domain)) {
            return &s->domains[i];
        }
    }
    return NULL;
}

static struct rpt_domain *add_to(struct rpt_shard *s, struct slice domain)
{
    if (s->n == RPT_DOMAINS_MAX) {
        return NULL;
    }
    struct rpt_domain *r = &s->domains[s->n++];
    *r = (struct rpt_domain){
        .domain = arena_copy(&s->arena, domain),
        .policies = {arena_array(&s->arena, RPT_POLICIES, sizeof(struct rpt_policy)), 0}
    };
    return r;
}

static struct rpt_policy *policy_in(struct rpt_shard *s, struct rpt_domain *r, uint64_t kind)
{
    struct rpt_policy *all = r->policies.items;

    for (size_t i = 0; i < r->policies.count; i++) {
        if (all[i].kind == kind) {
            return &all[i];
        }
    }
    if (r->policies.count == RPT_POLICIES) {
        return NULL;
    }
    struct rpt_policy *p = &all[r->policies.count++];
    *p = (struct rpt_policy){
        .kind = kind,
        .failures = {arena_array(&s->arena, RPT_FAILURES_MAX, sizeof(struct rpt_failure)), 0}
    };
    return p;
}

static void count_failure(struct rpt_shard *s, struct rpt_policy *p, const struct tls_result *r,
                          uint64_t by)
{
    struct rpt_failure *all = p->failures.items;

    for (size_t i = 0; i < p->failures.count; i++) {
        if (slice_equal(all[i].type, r->type) && slice_equal(all[i].host, r->host) &&
            slice_equal(all[i].address, r->address)) {
            all[i].count += by;
            return;
        }
    }
    if (p->failures.count < RPT_FAILURES_MAX) {
        all[p->failures.count++] =
            (struct rpt_failure){arena_copy(&s->arena, r->type), arena_copy(&s->arena, r->host),
                                 arena_copy(&s->arena, r->address), by};
    }
}

void rpt_days_count(struct rpt_days *d, int64_t day, struct slice domain,
                    const struct tls_result *r)
{
    struct rpt_shard *s = shard_at(d, day, shard_of(domain));
    struct rpt_domain *of = s ? find_in(s, domain) : NULL;

    of = of || !s ? of : add_to(s, domain);
    struct rpt_policy *p = of ? policy_in(s, of, r->policy) : NULL;
    if (!p) {
        return;
    }
    if (r->type.len) {
        p->failed++;
        count_failure(s, p, r, 1);
    } else {
        p->successes++;
    }
    s->dirty = true;
}

/* ── what is kept ── */

static struct slice row_name(struct arena *arena, int64_t day, size_t nth)
{
    return arena_printf(arena, "tlsrpt/%llu/%zu", (unsigned long long)(day % RPT_DAYS), nth);
}

static void take(struct rpt_shard *s, const struct rpt_domain *from)
{
    struct rpt_domain *r = add_to(s, from->domain);
    const struct rpt_policy *all = from->policies.items;

    if (!r) {
        return;
    }
    r->tries = from->tries;
    for (size_t i = 0; i < from->policies.count; i++) {
        struct rpt_policy *p = policy_in(s, r, all[i].kind);
        const struct rpt_failure *failures = all[i].failures.items;
        if (!p) {
            continue;
        }
        p->successes = all[i].successes;
        p->failed = all[i].failed;
        for (size_t f = 0; f < all[i].failures.count; f++) {
            const struct tls_result one = {all[i].kind, failures[f].type, failures[f].host,
                                           failures[f].address};
            count_failure(s, p, &one, failures[f].count);
        }
    }
}

static bool load_shard(struct keeper *k, struct rpt_shard *s, int64_t slot, size_t nth,
                       int64_t today, struct error *e)
{
    OWN(arena) struct arena arena = {.max = (size_t)8 << 20};
    struct saved saved;
    struct slice value;
    bool found = false;

    if (!state_value_get(k->state, row_name(&arena, slot, nth), &arena, &value, &found, e)) {
        return false;
    }
    if (!found) {
        return true;
    }
    if (!cbor_read(value, &saved_schema, &arena, &saved, e)) {
        return error_add(e, "counts of TLS in the state");
    }
    const struct rpt_domain *all = saved.domains.items;
    if ((int64_t)saved.day > today || today - (int64_t)saved.day >= RPT_DAYS) {
        return true;
    }
    s->day = (int64_t)saved.day;
    for (size_t i = 0; i < saved.domains.count; i++) {
        take(s, &all[i]);
    }
    return true;
}

bool rpt_days_load(struct keeper *k, struct rpt_days *d, int64_t today, struct error *e)
{
    for (int64_t slot = 0; slot < RPT_DAYS; slot++) {
        for (size_t i = 0; i < RPT_SHARDS; i++) {
            arena_init(&d->shards[slot][i].arena, SHARD_ARENA_MAX);
            if (!load_shard(k, &d->shards[slot][i], slot, i, today, e)) {
                return false;
            }
        }
    }
    return true;
}

void rpt_days_free(struct rpt_days *d)
{
    for (size_t slot = 0; slot < RPT_DAYS; slot++) {
        for (size_t i = 0; i < RPT_SHARDS; i++) {
            arena_done(&d->shards[slot][i].arena);
        }
    }
}

bool rpt_days_dirty(struct rpt_days *d, struct arena *arena, struct slice *name,
                    struct slice *value)
{
    for (size_t slot = 0; slot < RPT_DAYS; slot++) {
        for (size_t i = 0; i < RPT_SHARDS; i++) {
            struct rpt_shard *s = &d->shards[slot][i];
            OWN(buf) struct buf out = {.max = ROW_MAX};
            const struct saved saved = {
                (uint64_t)s->day, {s->domains, s->n}
            };
            if (!s->dirty) {
                continue;
            }
            s->dirty = false;
            cbor_write(&out, &saved_schema, &saved);
            *name = row_name(arena, (int64_t)slot, i);
            *value = arena_copy(arena, buf_slice(&out));
            if (out.full) { /* lost with a crash alone */
                log_event(LOG_WARNING, "tlsrpt.too-much", LOG_NUMBER("domains", s->n));
                continue;
            }
            return true;
        }
    }
    return false;
}

/* ── what is due ── */

struct rpt_domain *rpt_days_due(struct rpt_days *d, int64_t today, int64_t steady, int64_t *day)
{
    for (size_t slot = 0; slot < RPT_DAYS; slot++) {
        for (size_t i = 0; i < RPT_SHARDS; i++) {
            struct rpt_shard *s = &d->shards[slot][i];
            for (size_t n = 0; s->day < today && n < s->n; n++) {
                if (s->domains[n].next_at <= steady) {
                    *day = s->day;
                    return &s->domains[n];
                }
            }
        }
    }
    return NULL;
}

struct rpt_domain *rpt_days_find(struct rpt_days *d, int64_t day, struct slice domain)
{
    struct rpt_shard *s = &d->shards[day % RPT_DAYS][shard_of(domain)];

    return s->day == day ? find_in(s, domain) : NULL;
}

void rpt_days_touch(struct rpt_days *d, int64_t day, struct slice domain)
{
    d->shards[day % RPT_DAYS][shard_of(domain)].dirty = true;
}

void rpt_days_drop(struct rpt_days *d, int64_t day, struct slice domain)
{
    struct rpt_shard *s = &d->shards[day % RPT_DAYS][shard_of(domain)];
    struct rpt_domain *r = rpt_days_find(d, day, domain);

    if (r) {
        *r = s->domains[--s->n];
        s->dirty = true;
    }
}
