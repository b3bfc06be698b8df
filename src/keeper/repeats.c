/* Letters of the last day by account, envelope, Message-ID and content. A client whose connection
 * broke before it saw the 250 sends again: the same letter then is recorded as a repeat and not
 * delivered twice. Two generations of half-open days: when the younger is a day old it becomes
 * the older one, and what was older is forgotten. */
#include "keeper/repeats.h"

#include <pthread.h>

#define DAY_MS     ((uint64_t)86400000)
#define BUCKETS    65536
#define REPEAT_MAX 4000000 /* letters remembered; beyond that the older generation goes early */

struct repeat {
    struct repeat *next;
    uint64_t at;
    bool open; /* claimed, and not settled yet */
    struct letter_id id;
    uint8_t key[CATALOG_REPEAT_LEN];
};

struct generation {
    struct repeat *buckets[BUCKETS];
    size_t count;
    uint64_t since;
};

struct repeats {
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t settled;
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
    (void)pthread_cond_init(&r->settled, NULL);
    r->young = generation_new();
    r->old = generation_new();
    return r;
}

void repeats_free(struct repeats *r)
{
    if (r) {
        generation_free(r->young);
        generation_free(r->old);
        (void)pthread_cond_destroy(&r->settled);
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

static void add(struct repeats *r, const uint8_t *key, const struct letter_id *id, uint64_t at,
                bool open)
{
    struct repeat *entry = calloc(1, sizeof(*entry));

    if (!entry) {
        arena_panic("out of memory");
    }
    entry->at = at;
    entry->open = open;
    entry->id = *id;
    (void)memcpy(entry->key, key, CATALOG_REPEAT_LEN);
    age(r, at);
    struct repeat **bucket = &r->young->buckets[bucket_of(key)];
    entry->next = *bucket;
    *bucket = entry;
    r->young->count++;
}

void repeats_add(struct repeats *r, const uint8_t key[static CATALOG_REPEAT_LEN],
                 const struct letter_id *id, uint64_t at)
{
    (void)pthread_mutex_lock(&r->lock);
    add(r, key, id, at, false);
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

static const struct repeat *find(const struct repeats *r, const uint8_t *key, uint64_t at)
{
    const struct repeat *entry = find_in(r->young, key, at);

    return entry ? entry : find_in(r->old, key, at);
}

bool repeats_claim(struct repeats *r, const uint8_t key[static CATALOG_REPEAT_LEN],
                   const struct letter_id *id, uint64_t at, struct letter_id *first)
{
    (void)pthread_mutex_lock(&r->lock);
    const struct repeat *entry = find(r, key, at);
    while (entry && entry->open) {
        (void)pthread_cond_wait(&r->settled, &r->lock);
        entry = find(r, key, at);
    }
    if (entry) {
        *first = entry->id;
    } else {
        add(r, key, id, at, true);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return !entry;
}

/* Settle the claim when it is in this generation. */
static bool settle_in(struct generation *g, const uint8_t *key, const struct letter_id *id,
                      bool recorded)
{
    struct repeat **link = &g->buckets[bucket_of(key)];

    while (*link && memcmp((*link)->id.bytes, id->bytes, LETTER_ID_LEN) != 0) {
        link = &(*link)->next;
    }
    struct repeat *entry = *link;
    if (entry && recorded) {
        entry->open = false;
    } else if (entry) {
        *link = entry->next;
        g->count--;
        free(entry);
    }
    return entry != NULL;
}

void repeats_settle(struct repeats *r, const uint8_t key[static CATALOG_REPEAT_LEN],
                    const struct letter_id *id, bool recorded)
{
    (void)pthread_mutex_lock(&r->lock);
    if (settle_in(r->young, key, id, recorded) || settle_in(r->old, key, id, recorded)) {
        (void)pthread_cond_broadcast(&r->settled);
    }
    (void)pthread_mutex_unlock(&r->lock);
}
