#include "keeper/sts_rows.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/internal.h"

#define LIST_MAX    ((size_t)128 << 10)
#define ARENA_BYTES ((size_t)4 << 20)

/* ── what is kept in the state ── */

struct saved {
    uint64_t mode;
    struct slice id;
    uint64_t fetched_at;
    uint64_t max_age_s;
    struct cbor_list mx;
};

static const struct cbor_field saved_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct saved, mode, STS_ENFORCE),
    CBOR_OPTIONAL(2, CBOR_TEXT, struct saved, id, STS_ID_MAX),
    CBOR_FIELD(3, CBOR_UINT, struct saved, fetched_at, 0),
    CBOR_FIELD(4, CBOR_UINT, struct saved, max_age_s, STS_MAX_AGE_MAX),
    CBOR_OPTIONAL(5, CBOR_TEXTS, struct saved, mx, STS_MX_MAX),
};
static const struct cbor_schema saved_schema = CBOR_SCHEMA(saved_fields, struct saved);

struct saved_list {
    struct cbor_list domains;
};

static const struct cbor_field list_fields[] = {
    CBOR_OPTIONAL(1, CBOR_TEXTS, struct saved_list, domains, STS_DOMAINS_MAX),
};
static const struct cbor_schema list_schema = CBOR_SCHEMA(list_fields, struct saved_list);

static struct slice name_of(const char *domain, char room[static STS_DOMAIN_MAX + 16])
{
    (void)snprintf(room, STS_DOMAIN_MAX + 16, "sts/policy/%s", domain);
    return slice_text(room);
}

static bool save_row(struct keeper *k, const struct sts_saving *s, struct error *e)
{
    OWN(buf) struct buf out = {.max = STATE_VALUE_MAX};
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    const struct saved saved = {
        .mode = s->policy->mode,
        .id = s->id,
        .fetched_at = (uint64_t)s->fetched_at,
        .max_age_s = s->policy->max_age_s,
        .mx = {s->policy->mx, s->policy->n_mx}
    };

    cbor_write(&out, &saved_schema, &saved);
    return state_value_put(k->state, arena_printf(&arena, "sts/policy/%.*s", SLICE_ARG(s->domain)),
                           buf_slice(&out), e);
}

/* Under the lock. */
static void write_list(struct sts_cache *c, struct slice more, struct arena *arena, struct buf *out)
{
    struct slice *domains = arena_array(arena, STS_DOMAINS_MAX, sizeof(*domains));
    size_t bytes = more.len + 4;
    size_t n = 0;

    domains[n++] = more;
    for (size_t i = 0; i < STS_BUCKETS; i++) {
        for (const struct sts_row *r = c->buckets[i]; r; r = r->next) {
            struct slice domain = slice_text(r->domain);
            if ((r->policy.mode || r->listed) && !slice_equal(domain, more) &&
                n < STS_DOMAINS_MAX && bytes + domain.len + 4 < LIST_MAX - 16) {
                domains[n++] = domain;
                bytes += domain.len + 4;
            }
        }
    }
    const struct saved_list list = {
        {domains, n}
    };
    cbor_write(out, &list_schema, &list);
}

/* One at a time, so that an older list never comes behind a newer one. */
static bool save_list(struct keeper *k, struct slice more, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    OWN(buf) struct buf out = {.max = LIST_MAX};
    struct sts_cache *c = k->sts;

    (void)pthread_mutex_lock(&c->lock);
    while (c->listing) {
        (void)pthread_cond_wait(&c->looked, &c->lock);
    }
    c->listing = true;
    struct sts_row *own = sts_row_find(c, more);
    if (own) {
        own->listed = true; /* for a list that is written before the policy is in the row */
    }
    write_list(c, more, &arena, &out);
    (void)pthread_mutex_unlock(&c->lock);
    bool saved = state_value_put(k->state, SLICE("sts/domains"), buf_slice(&out), e);
    (void)pthread_mutex_lock(&c->lock);
    c->listing = false;
    own = sts_row_find(c, more);
    if (own) {
        own->listed = saved;
    }
    (void)pthread_cond_broadcast(&c->looked);
    (void)pthread_mutex_unlock(&c->lock);
    return saved;
}

bool sts_save(struct keeper *k, const struct sts_saving *saving, struct error *e)
{
    return save_row(k, saving, e) && (saving->known || save_list(k, saving->domain, e));
}

/* ── the table ── */

static size_t bucket_of(struct slice domain)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (size_t i = 0; i < domain.len; i++) {
        hash = (hash ^ domain.ptr[i]) * 16777619U;
    }
    return hash % STS_BUCKETS;
}

struct sts_row *sts_row_find(struct sts_cache *c, struct slice domain)
{
    struct sts_row *r = c->buckets[bucket_of(domain)];

    while (r && !slice_equal(slice_text(r->domain), domain)) {
        r = r->next;
    }
    return r;
}

static void free_row(struct sts_row *r)
{
    arena_done(&r->arena);
    free(r);
}

/* Who was asked for the longest ago goes, one without a policy first. */
static struct sts_row **oldest_row(struct sts_cache *c)
{
    struct sts_row **oldest = NULL;

    for (size_t i = 0; i < STS_BUCKETS; i++) {
        for (struct sts_row **at = &c->buckets[i]; *at; at = &(*at)->next) {
            bool better = !oldest || ((*at)->policy.mode == 0 && (*oldest)->policy.mode != 0) ||
                          (((*at)->policy.mode == 0) == ((*oldest)->policy.mode == 0) &&
                           (*at)->used_at < (*oldest)->used_at);
            oldest = !(*at)->busy && better ? at : oldest;
        }
    }
    return oldest;
}

static void make_room(struct keeper *k, struct sts_cache *c)
{
    struct sts_row **oldest = c->n >= STS_DOMAINS_MAX ? oldest_row(c) : NULL;
    char name[STS_DOMAIN_MAX + 16];
    struct error e = {0};
    bool found = false;

    if (!oldest) {
        return;
    }
    struct sts_row *gone = *oldest;
    *oldest = gone->next;
    c->n--;
    if (gone->policy.mode &&
        !state_value_delete(k->state, name_of(gone->domain, name), &found, &e)) {
        log_event(LOG_WARNING, "sts.unsaved", LOG_TEXT("reason", e.text));
    }
    free_row(gone);
}

struct sts_row *sts_row_add(struct keeper *k, struct slice domain)
{
    struct sts_cache *c = k->sts;
    struct sts_row **bucket = &c->buckets[bucket_of(domain)];

    make_room(k, c);
    struct sts_row *r = calloc(1, sizeof(*r));
    if (!r) {
        arena_panic("out of memory");
    }
    (void)snprintf(r->domain, sizeof(r->domain), "%.*s", SLICE_ARG(domain));
    arena_init(&r->arena, ARENA_BYTES);
    r->used_at = clock_steady_ms();
    r->next = *bucket;
    *bucket = r;
    c->n++;
    return r;
}

/* Does the policy hold at this wall time? */
bool sts_row_in_force(const struct sts_row *r, int64_t now)
{
    return r->policy.mode != STS_NO_MODE &&
           (now < r->fetched_at || (uint64_t)(now - r->fetched_at) / 1000 < r->policy.max_age_s);
}

void sts_row_set(struct sts_row *r, const struct sts_policy *p, struct slice id)
{
    arena_reset(&r->arena);
    r->policy = *p;
    r->policy.mx = arena_array(&r->arena, p->n_mx + 1, sizeof(*r->policy.mx));
    for (size_t i = 0; i < p->n_mx; i++) {
        r->policy.mx[i] = arena_copy(&r->arena, p->mx[i]);
    }
    (void)snprintf(r->id, sizeof(r->id), "%.*s", SLICE_ARG(id));
}

static bool load_row(struct keeper *k, struct slice domain, struct arena *arena, struct error *e)
{
    struct saved saved;
    struct slice value;
    bool found = false;

    if (domain.len == 0 || domain.len > STS_DOMAIN_MAX || sts_row_find(k->sts, domain)) {
        return true;
    }
    if (!state_value_get(k->state, arena_printf(arena, "sts/policy/%.*s", SLICE_ARG(domain)), arena,
                         &value, &found, e)) {
        return false;
    }
    if (!found) {
        return true;
    }
    if (!cbor_read(value, &saved_schema, arena, &saved, e)) {
        return error_add(e, "the MTA-STS policy of %.*s in the state", SLICE_ARG(domain));
    }
    const struct sts_policy p = {saved.mode, saved.max_age_s, saved.mx.items, saved.mx.count};
    struct sts_row *r = sts_row_add(k, domain);
    sts_row_set(r, &p, saved.id);
    r->listed = true;
    r->fetched_at = (int64_t)saved.fetched_at;
    return true;
}

bool sts_open(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena arena = {.max = (size_t)64 << 20};
    struct saved_list list = {0};
    struct slice value;
    bool found = false;

    k->sts = calloc(1, sizeof(*k->sts));
    if (!k->sts) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&k->sts->lock, NULL);
    (void)pthread_cond_init(&k->sts->looked, NULL);
    if (!state_value_get(k->state, SLICE("sts/domains"), &arena, &value, &found, e) ||
        (found && !cbor_read(value, &list_schema, &arena, &list, e))) {
        return false;
    }
    for (size_t i = 0; i < list.domains.count; i++) {
        OWN(arena) struct arena one = {.max = ARENA_BYTES};
        if (!load_row(k, ((const struct slice *)list.domains.items)[i], &one, e)) {
            return false;
        }
    }
    return true;
}

void sts_close(struct keeper *k)
{
    for (size_t i = 0; k->sts && i < STS_BUCKETS; i++) {
        while (k->sts->buckets[i]) {
            struct sts_row *r = k->sts->buckets[i];
            k->sts->buckets[i] = r->next;
            free_row(r);
        }
    }
    free(k->sts);
}
