#include "stages/submission/admission.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/arena.h"

#include "host/thread.h"

#define BUCKETS  1024
#define V6_BYTES 8 /* of an IPv6 address */

#define CLOSED_WAYS 8 /* of one bucket */

/* One address that somebody is connected from. */
struct origin {
    struct origin *next;
    uint64_t count;
    uint8_t len;
    uint8_t bytes[V6_BYTES];
};

/* One that nobody may connect from until then. */
struct closed {
    int64_t until; /* 0: there is none here */
    uint8_t len;
    uint8_t bytes[V6_BYTES];
};

struct admission {
    pthread_mutex_t lock;
    pthread_cond_t emptied;
    size_t count;                               /* guarded by lock */
    struct origin *buckets[BUCKETS];            /* guarded by lock */
    struct closed closed[BUCKETS][CLOSED_WAYS]; /* guarded by lock */
};

struct admission *admission_new(void)
{
    struct admission *a = calloc(1, sizeof(*a));

    if (!a) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_cond_init(&a->emptied, NULL);
    return a;
}

void admission_free(struct admission *a)
{
    if (a) {
        (void)pthread_cond_destroy(&a->emptied);
        (void)pthread_mutex_destroy(&a->lock);
        free(a);
    }
}

static size_t bucket_of(struct slice address)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (size_t i = 0; i < address.len; i++) {
        hash = (hash ^ address.ptr[i]) * 16777619U;
    }
    return hash % BUCKETS;
}

/* The address' entry among those that are closed, or the one whose time is over first. */
static struct closed *find_closed(struct admission *a, struct slice address)
{
    struct closed *row = a->closed[bucket_of(address)];
    struct closed *first = row;

    for (size_t i = 0; i < CLOSED_WAYS; i++) {
        if (slice_equal(slice_of(row[i].bytes, row[i].len), address)) {
            return &row[i];
        }
        first = row[i].until < first->until ? &row[i] : first;
    }
    return first;
}

static bool is_closed(struct admission *a, struct slice address, int64_t now)
{
    const struct closed *c = find_closed(a, address);

    return c->until > now && slice_equal(slice_of(c->bytes, c->len), address);
}

/* The link that leads to the address' entry, or the one behind the last of its bucket. Whoever
 * fills a bucket on purpose needs as many addresses as connections, and makes it no longer than
 * the limit of all. */
static struct origin **find(struct admission *a, struct slice address)
{
    struct origin **link = &a->buckets[bucket_of(address)];
    while (*link && !slice_equal(slice_of((*link)->bytes, (*link)->len), address)) {
        link = &(*link)->next;
    }
    return link;
}

static struct slice counted_part(const struct address *from)
{
    return slice_head(address_bytes(from), V6_BYTES);
}

static void count_one(struct admission *a, struct origin **link, struct slice address)
{
    if (!*link) {
        *link = calloc(1, sizeof(**link));
        if (!*link) {
            arena_panic("out of memory");
        }
        (*link)->len = (uint8_t)address.len;
        if (address.len) {
            (void)memcpy((*link)->bytes, address.ptr, address.len);
        }
    }
    (*link)->count++;
    /* -fanalyzer: the bucket holds what *link was set to */
    a->count++;
}

enum admission_verdict admission_enter(struct admission *a, const struct address *from,
                                       uint64_t limit, uint64_t limit_of_one, int64_t now_ms)
{
    struct slice address = counted_part(from);
    enum admission_verdict verdict = ADMISSION_GRANTED;

    (void)pthread_mutex_lock(&a->lock);
    struct origin **link = find(a, address);
    if (is_closed(a, address, now_ms)) {
        verdict = ADMISSION_CLOSED;
    } else if (a->count >= limit) {
        verdict = ADMISSION_FULL;
    } else if (*link && (*link)->count >= limit_of_one) {
        verdict = ADMISSION_ADDRESS_FULL;
    } else {
        count_one(a, link, address);
    }
    (void)pthread_mutex_unlock(&a->lock);
    return verdict;
}

bool admission_close(struct admission *a, const struct address *from, int64_t until_ms,
                     int64_t now_ms)
{
    struct slice address = counted_part(from);

    if (address.len == 0) {
        return false;
    }
    (void)pthread_mutex_lock(&a->lock);
    bool closed = is_closed(a, address, now_ms);
    struct closed *c = find_closed(a, address);
    c->until = until_ms;
    c->len = (uint8_t)address.len;
    (void)memcpy(c->bytes, address.ptr, address.len);
    (void)pthread_mutex_unlock(&a->lock);
    return !closed;
}

void admission_open(struct admission *a, const struct address *from)
{
    struct slice address = counted_part(from);

    (void)pthread_mutex_lock(&a->lock);
    struct closed *c = find_closed(a, address);
    if (slice_equal(slice_of(c->bytes, c->len), address)) {
        c->until = 0;
    }
    (void)pthread_mutex_unlock(&a->lock);
}

void admission_leave(struct admission *a, const struct address *from)
{
    struct origin *gone = NULL;

    (void)pthread_mutex_lock(&a->lock);
    struct origin **link = find(a, counted_part(from));
    assert(*link); /* it was let in */
    if (--(*link)->count == 0) {
        gone = *link;
        *link = gone->next;
    }
    if (--a->count == 0) {
        (void)pthread_cond_broadcast(&a->emptied);
    }
    (void)pthread_mutex_unlock(&a->lock);
    free(gone);
}

size_t admission_wait(struct admission *a, int64_t deadline_ms)
{
    (void)pthread_mutex_lock(&a->lock);
    while (a->count && thread_wait(&a->emptied, &a->lock, deadline_ms)) {
    }
    size_t left = a->count;
    (void)pthread_mutex_unlock(&a->lock);
    return left;
}
