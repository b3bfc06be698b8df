#include "stages/submission/admission.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/arena.h"

#include "host/thread.h"

#define BUCKETS  1024
#define V6_BYTES 8 /* of an IPv6 address */

/* One address that somebody is connected from. */
struct origin {
    struct origin *next;
    uint64_t count;
    uint8_t len;
    uint8_t bytes[V6_BYTES];
};

struct admission {
    pthread_mutex_t lock;
    pthread_cond_t emptied;
    size_t count;                    /* guarded by lock */
    struct origin *buckets[BUCKETS]; /* guarded by lock */
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

/* The link that leads to the address' entry, or the one behind the last of its bucket. Whoever
 * fills a bucket on purpose needs as many addresses as connections, and makes it no longer than
 * the limit of all. */
static struct origin **find(struct admission *a, struct slice address)
{
    uint32_t hash = 2166136261U; /* FNV-1a */

    for (size_t i = 0; i < address.len; i++) {
        hash = (hash ^ address.ptr[i]) * 16777619U;
    }
    struct origin **link = &a->buckets[hash % BUCKETS];
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
                                       uint64_t limit, uint64_t limit_of_one)
{
    struct slice address = counted_part(from);
    enum admission_verdict verdict = ADMISSION_GRANTED;

    (void)pthread_mutex_lock(&a->lock);
    struct origin **link = find(a, address);
    if (a->count >= limit) {
        verdict = ADMISSION_FULL;
    } else if (*link && (*link)->count >= limit_of_one) {
        verdict = ADMISSION_ADDRESS_FULL;
    } else {
        count_one(a, link, address);
    }
    (void)pthread_mutex_unlock(&a->lock);
    return verdict;
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
