#include "processes/auth_exchange.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/secret.h"

#include "keyring/keyring.h"

#define ROW       8
#define ROWS      (EXCHANGES_MAX / ROW)
#define ARENA_MAX ((size_t)64 << 10)
#define TIDY_MS   1000

struct exchanges {
    pthread_mutex_t lock;
    struct exchange *rows[ROWS][ROW]; /* guarded by lock, as the next */
    int64_t tidied_ms;
};

struct exchanges *exchanges_new(void)
{
    struct exchanges *t = calloc(1, sizeof(*t));

    if (!t) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&t->lock, NULL);
    return t;
}

void exchanges_free(struct exchanges *t)
{
    if (!t) {
        return;
    }
    for (size_t i = 0; i < EXCHANGES_MAX; i++) {
        exchange_free(t->rows[i / ROW][i % ROW]);
    }
    (void)pthread_mutex_destroy(&t->lock);
    free(t);
}

struct exchange *exchange_new(const uint8_t connection[static EXCHANGE_ID_LEN], int64_t now_ms)
{
    struct exchange *x = calloc(1, sizeof(*x));

    if (!x) {
        arena_panic("out of memory");
    }
    arena_init(&x->arena, ARENA_MAX);
    keyring_random_bytes(x->id, sizeof(x->id));
    (void)memcpy(x->connection, connection, sizeof(x->connection));
    x->until_ms = now_ms + EXCHANGE_LASTS_MS;
    return x;
}

void exchange_free(struct exchange *x)
{
    if (x) {
        arena_done(&x->arena);
        free(x);
    }
}

static struct exchange **row_of(struct exchanges *t, const uint8_t *connection)
{
    return t->rows[((size_t)connection[0] << 8 | connection[1]) % ROWS];
}

static bool is_of(const struct exchange *x, const uint8_t *connection)
{
    return x && memcmp(x->connection, connection, EXCHANGE_ID_LEN) == 0;
}

/* Where the next one goes: the connection's own place, a free one, or the oldest's. */
static size_t place_for(struct exchange **row, const uint8_t *connection, int64_t now_ms)
{
    size_t best = 0;

    for (size_t i = 0; i < ROW; i++) {
        if (is_of(row[i], connection)) {
            return i;
        }
        if (row[i] && row[i]->until_ms <= now_ms) {
            exchange_free(row[i]);
            row[i] = NULL;
        }
        if (row[best] && (!row[i] || row[i]->until_ms < row[best]->until_ms)) {
            best = i;
        }
    }
    return best;
}

/* Under the lock. */
static void free_those_over(struct exchanges *t, int64_t now_ms)
{
    for (size_t i = 0; i < EXCHANGES_MAX; i++) {
        struct exchange **place = &t->rows[i / ROW][i % ROW];
        if (*place && (*place)->until_ms <= now_ms) {
            exchange_free(*place);
            *place = NULL;
        }
    }
    t->tidied_ms = now_ms;
}

void exchanges_tidy(struct exchanges *t, int64_t now_ms)
{
    (void)pthread_mutex_lock(&t->lock);
    if (now_ms - t->tidied_ms >= TIDY_MS) {
        free_those_over(t, now_ms);
    }
    (void)pthread_mutex_unlock(&t->lock);
}

size_t exchanges_count(struct exchanges *t)
{
    size_t n = 0;

    (void)pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < EXCHANGES_MAX; i++) {
        n += t->rows[i / ROW][i % ROW] != NULL;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return n;
}

void exchanges_put(struct exchanges *t, struct exchange *x, int64_t now_ms)
{
    exchanges_tidy(t, now_ms);
    (void)pthread_mutex_lock(&t->lock);
    struct exchange **row = row_of(t, x->connection);
    size_t place = place_for(row, x->connection, now_ms);
    struct exchange *old = row[place];
    row[place] = x;
    (void)pthread_mutex_unlock(&t->lock);
    exchange_free(old);
}

struct exchange *exchanges_take(struct exchanges *t,
                                const uint8_t connection[static EXCHANGE_ID_LEN], struct slice id,
                                int64_t now_ms)
{
    struct exchange *found = NULL;

    exchanges_tidy(t, now_ms);
    (void)pthread_mutex_lock(&t->lock);
    struct exchange **row = row_of(t, connection);
    for (size_t i = 0; i < ROW; i++) {
        if (is_of(row[i], connection)) {
            found = row[i];
            row[i] = NULL;
        }
    }
    (void)pthread_mutex_unlock(&t->lock);
    /* A wrong id ends the exchange as well: its connection does not make such a mistake. */
    if (found && (found->until_ms <= now_ms || !secret_equal(SLICE_ARRAY(found->id), id))) {
        exchange_free(found);
        found = NULL;
    }
    return found;
}
