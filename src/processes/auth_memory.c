#include "processes/auth_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/secret.h"

#include "keyring/digest.h"
#include "keyring/keyring.h"

#define ROWS 2048
#define WAYS 4

struct slot {
    uint8_t tag[DIGEST_LEN];
    int64_t until_ms; /* 0: empty */
};

struct auth_memory {
    struct secret *key;
    pthread_mutex_t lock;
    struct slot slots[ROWS][WAYS]; /* guarded by lock */
};

struct auth_memory *auth_memory_new(void)
{
    struct auth_memory *m = calloc(1, sizeof(*m));

    if (!m) {
        arena_panic("out of memory");
    }
    m->key = keyring_random();
    (void)pthread_mutex_init(&m->lock, NULL);
    return m;
}

void auth_memory_free(struct auth_memory *m)
{
    if (!m) {
        return;
    }
    secret_free(m->key);
    (void)pthread_mutex_destroy(&m->lock);
    explicit_bzero(m->slots, sizeof(m->slots));
    free(m);
}

/* Each part is hashed for itself, so that no two different triples read the same. */
static void tag_of(const struct auth_memory *m, struct slice account, struct slice verifier,
                   struct slice password, uint8_t tag[static DIGEST_LEN])
{
    uint8_t parts[3 * DIGEST_LEN];

    digest_hmac(secret_slice(m->key), account, parts);
    digest_hmac(secret_slice(m->key), verifier, parts + DIGEST_LEN);
    digest_hmac(secret_slice(m->key), password, parts + 2 * (size_t)DIGEST_LEN);
    digest_hmac(secret_slice(m->key), SLICE_ARRAY(parts), tag);
    explicit_bzero(parts, sizeof(parts));
}

static struct slot *row_of(struct auth_memory *m, const uint8_t tag[static DIGEST_LEN])
{
    return m->slots[((size_t)tag[0] << 8 | tag[1]) % ROWS];
}

bool auth_memory_knows(struct auth_memory *m, struct slice account, struct slice verifier,
                       struct slice password, int64_t now_ms)
{
    uint8_t tag[DIGEST_LEN];
    bool known = false;

    tag_of(m, account, verifier, password, tag);
    (void)pthread_mutex_lock(&m->lock);
    const struct slot *row = row_of(m, tag);
    for (size_t i = 0; i < WAYS; i++) {
        known |=
            row[i].until_ms > now_ms && secret_equal(SLICE_ARRAY(row[i].tag), SLICE_ARRAY(tag));
    }
    (void)pthread_mutex_unlock(&m->lock);
    explicit_bzero(tag, sizeof(tag));
    return known;
}

void auth_memory_add(struct auth_memory *m, struct slice account, struct slice verifier,
                     struct slice password, int64_t now_ms, int64_t until_ms)
{
    struct slot fresh = {.until_ms = until_ms};

    if (until_ms <= now_ms) {
        return;
    }
    tag_of(m, account, verifier, password, fresh.tag);
    (void)pthread_mutex_lock(&m->lock);
    struct slot *row = row_of(m, fresh.tag);
    struct slot *place = &row[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (secret_equal(SLICE_ARRAY(row[i].tag), SLICE_ARRAY(fresh.tag))) {
            place = &row[i];
            break;
        }
        place = row[i].until_ms < place->until_ms ? &row[i] : place;
    }
    *place = fresh;
    (void)pthread_mutex_unlock(&m->lock);
    explicit_bzero(&fresh, sizeof(fresh));
}
