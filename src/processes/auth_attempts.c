#include "processes/auth_attempts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#include "keyring/keyring.h"

struct attempts {
    pthread_mutex_t lock;
    struct attempt *all[ATTEMPTS_MAX]; /* guarded by lock */
};

struct attempts *attempts_new(void)
{
    struct attempts *t = calloc(1, sizeof(*t));

    if (!t) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&t->lock, NULL);
    return t;
}

void attempts_free(struct attempts *t)
{
    if (!t) {
        return;
    }
    for (size_t i = 0; i < ATTEMPTS_MAX; i++) {
        attempt_free(t->all[i]);
    }
    (void)pthread_mutex_destroy(&t->lock);
    free(t);
}

static void random_text(uint8_t out[static ATTEMPT_TEXT_LEN])
{
    uint8_t bytes[ATTEMPT_RANDOM_LEN];

    keyring_random_bytes(bytes, sizeof(bytes));
    (void)base64url_encode(SLICE_ARRAY(bytes), out);
    explicit_bzero(bytes, sizeof(bytes));
}

struct attempt *attempt_new(int64_t now_ms)
{
    struct attempt *x = calloc(1, sizeof(*x));

    if (!x) {
        arena_panic("out of memory");
    }
    keyring_random_bytes(x->id, sizeof(x->id));
    random_text(x->state);
    random_text(x->nonce);
    random_text(x->verifier);
    x->until_ms = now_ms + ATTEMPT_LASTS_MS;
    return x;
}

void attempt_free(struct attempt *x)
{
    if (x) {
        explicit_bzero(x, sizeof(*x));
        free(x);
    }
}

void attempts_put(struct attempts *t, struct attempt *x, int64_t now_ms)
{
    size_t best = 0;

    (void)pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < ATTEMPTS_MAX; i++) {
        if (t->all[i] && t->all[i]->until_ms <= now_ms) {
            attempt_free(t->all[i]);
            t->all[i] = NULL;
        }
        if (t->all[best] && (!t->all[i] || t->all[i]->until_ms < t->all[best]->until_ms)) {
            best = i;
        }
    }
    struct attempt *old = t->all[best];
    t->all[best] = x;
    (void)pthread_mutex_unlock(&t->lock);
    attempt_free(old);
}

struct attempt *attempts_take(struct attempts *t, struct slice id, int64_t now_ms)
{
    struct attempt *found = NULL;

    (void)pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < ATTEMPTS_MAX; i++) {
        if (t->all[i] && secret_equal(SLICE_ARRAY(t->all[i]->id), id)) {
            found = t->all[i];
            t->all[i] = NULL;
        }
    }
    (void)pthread_mutex_unlock(&t->lock);
    if (found && found->until_ms <= now_ms) {
        attempt_free(found);
        found = NULL;
    }
    return found;
}
