#include "keeper/account_like.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/internal.h"
#include "keyring/digest.h"

#define REFRESH_MS (INT64_C(10) * 60 * 1000)
#define RING_ARENA ((size_t)512 << 20)
#define TRIES      8 /* the next ones, when one was closed since */

struct place {
    uint64_t hash;
    struct slice name;
};

struct account_likes {
    pthread_mutex_t lock;
    struct arena arena;   /* guarded by lock, as all below */
    struct place *places; /* by hash */
    size_t n;
    uint64_t version; /* of the accounts */
    int64_t made_ms;  /* 0: never */
};

struct account_likes *account_likes_new(void)
{
    struct account_likes *l = calloc(1, sizeof(*l));

    if (!l) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&l->lock, NULL);
    arena_init(&l->arena, RING_ARENA);
    return l;
}

void account_likes_free(struct account_likes *l)
{
    if (l) {
        arena_done(&l->arena);
        (void)pthread_mutex_destroy(&l->lock);
        free(l);
    }
}

static uint64_t hash_of(const struct keeper *k, struct slice name, struct arena *arena)
{
    uint8_t hash[DIGEST_LEN];
    uint64_t number = 0;

    digest_hmac(secret_slice(k->salts), arena_printf(arena, "like %.*s", SLICE_ARG(name)), hash);
    (void)memcpy(&number, hash, sizeof(number));
    return number;
}

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct place *)a)->hash;
    uint64_t y = ((const struct place *)b)->hash;

    return (x > y) - (x < y);
}

static bool can_sign_in(const struct account *a)
{
    return !a->disabled && a->verifier.len > 0;
}

/* Under the lock. What cannot be read leaves the ring as it was. */
static void refresh(struct keeper *k, struct account_likes *l)
{
    OWN(arena) struct arena scratch = {.max = RING_ARENA};
    uint64_t version = state_accounts_version(k->state);
    int64_t now = clock_steady_ms();
    struct account *accounts = NULL;
    size_t count = 0;
    struct error e;

    if (l->made_ms && (version == l->version || now - l->made_ms < REFRESH_MS)) {
        return;
    }
    l->made_ms = now;
    if (!state_accounts(k->state, &scratch, &accounts, &count, &e)) {
        log_event(LOG_WARNING, "accounts.unread", LOG_TEXT("reason", e.text));
        return;
    }
    arena_done(&l->arena);
    l->places = arena_array(&l->arena, count + 1, sizeof(*l->places));
    l->n = 0;
    for (size_t i = 0; i < count; i++) {
        if (can_sign_in(&accounts[i])) {
            l->places[l->n++] = (struct place){hash_of(k, accounts[i].name, &scratch),
                                               arena_copy(&l->arena, accounts[i].name)};
        }
    }
    qsort(l->places, l->n, sizeof(*l->places), by_hash);
    l->version = version;
}

/* The first place at or behind a hash; the end counts as the beginning. */
static size_t place_of(const struct account_likes *l, uint64_t hash)
{
    size_t low = 0;
    size_t high = l->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->places[middle].hash < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void account_like(struct keeper *k, struct slice name, struct arena *arena, struct slice *account,
                  struct slice *verifier)
{
    struct account_likes *l = k->likes;
    struct slice names[TRIES];
    struct account row;
    struct error e;
    bool found = false;

    (void)pthread_mutex_lock(&l->lock);
    refresh(k, l);
    size_t n = l->n < TRIES ? l->n : TRIES;
    size_t at = place_of(l, hash_of(k, name, arena));
    for (size_t i = 0; i < n; i++) {
        names[i] = arena_copy(arena, l->places[(at + i) % l->n].name);
    }
    (void)pthread_mutex_unlock(&l->lock);
    for (size_t i = 0; i < n; i++) {
        if (state_account_get(k->state, names[i], arena, &row, &found, &e) && found &&
            can_sign_in(&row)) {
            *account = row.name;
            *verifier = row.verifier;
            return;
        }
    }
}
