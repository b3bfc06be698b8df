/* Letters of the last day by account, Message-ID and content. A client whose connection broke
 * before it saw the 250 sends again: the same letter then is recorded as a repeat and not
 * delivered twice. Two generations of half-open days: when the younger is a day old it becomes
 * the older one, and what was older is forgotten. */
#include "keeper/internal.h"

#define DAY_MS     ((uint64_t)86400000)
#define BUCKETS    65536
#define REPEAT_MAX 4000000 /* letters remembered; beyond that the older generation goes early */

struct repeat {
    struct repeat *next;
    uint64_t at;
    struct letter_id id;
    uint8_t key[CATALOG_REPEAT_LEN];
};

struct generation {
    struct repeat *buckets[BUCKETS];
    size_t count;
    uint64_t since;
};

struct repeats {
    pthread_mutex_t lock;
    struct generation *young, *old;
};

static struct generation *generation_new(void)
{
    struct generation *g = calloc(1, sizeof(*g));

    if (!g) {
        arena_panic("out of memory");
    }
    return g;
}

static void generation_free(struct generation *g)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        while (g->buckets[i]) {
            struct repeat *r = g->buckets[i];
            g->buckets[i] = r->next;
            free(r);
        }
    }
    free(g);
}

struct repeats *repeats_new(void)
{
    struct repeats *r = calloc(1, sizeof(*r));

    if (!r) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&r->lock, NULL);
    r->young = generation_new();
    r->old = generation_new();
    return r;
}

void repeats_free(struct repeats *r)
{
    if (r) {
        generation_free(r->young);
        generation_free(r->old);
        (void)pthread_mutex_destroy(&r->lock);
        free(r);
    }
}

static size_t bucket_of(const uint8_t *key)
{
    return ((size_t)key[0] << 8 | key[1]) % BUCKETS;
}

static void age(struct repeats *r, uint64_t at)
{
    if (at >= r->young->since + DAY_MS || r->young->count >= REPEAT_MAX) {
        generation_free(r->old);
        r->old = r->young;
        r->young = generation_new();
        r->young->since = at;
    }
}

void repeats_add(struct repeats *r, const uint8_t key[static CATALOG_REPEAT_LEN],
                 const struct letter_id *id, uint64_t at)
{
    struct repeat *entry = calloc(1, sizeof(*entry));

    if (!entry) {
        arena_panic("out of memory");
    }
    entry->at = at;
    entry->id = *id;
    (void)memcpy(entry->key, key, CATALOG_REPEAT_LEN);
    (void)pthread_mutex_lock(&r->lock);
    age(r, at);
    struct repeat **bucket = &r->young->buckets[bucket_of(key)];
    entry->next = *bucket;
    *bucket = entry;
    r->young->count++;
    (void)pthread_mutex_unlock(&r->lock);
}

static const struct repeat *find_in(const struct generation *g, const uint8_t *key, uint64_t at)
{
    const struct repeat *entry = g->buckets[bucket_of(key)];

    while (entry && (memcmp(entry->key, key, CATALOG_REPEAT_LEN) != 0 || entry->at + DAY_MS < at)) {
        entry = entry->next;
    }
    return entry;
}

bool repeats_find(struct repeats *r, const uint8_t key[static CATALOG_REPEAT_LEN], uint64_t at,
                  struct letter_id *id)
{
    (void)pthread_mutex_lock(&r->lock);
    const struct repeat *entry = find_in(r->young, key, at);
    if (!entry) {
        entry = find_in(r->old, key, at);
    }
    if (entry) {
        *id = entry->id;
    }
    (void)pthread_mutex_unlock(&r->lock);
    return entry != NULL;
}
