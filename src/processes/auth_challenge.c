#include "processes/auth_challenge.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/secret.h"

#include "keyring/digest.h"
#include "keyring/keyring.h"

#define ROW  8
#define ROWS (CHALLENGES_MAX / ROW)

struct challenge {
    uint8_t whose[DIGEST_LEN]; /* of account and purpose */
    uint8_t bytes[AUTH_CHALLENGE_LEN];
    int64_t until_ms; /* 0: the place is free */
};

struct challenges {
    pthread_mutex_t lock;
    uint8_t key[KEYRING_KEY_LEN];      /* nobody outside knows who shares a row */
    struct challenge rows[ROWS][ROW];  /* guarded by lock */
    struct challenge alone[ROWS][ROW]; /* likewise, of PASSKEY_ALONE: anybody may ask for these */
};

struct challenges *challenges_new(void)
{
    struct challenges *t = calloc(1, sizeof(*t));

    if (!t) {
        arena_panic("out of memory");
    }
    keyring_random_bytes(t->key, sizeof(t->key));
    (void)pthread_mutex_init(&t->lock, NULL);
    return t;
}

void challenges_free(struct challenges *t)
{
    if (t) {
        (void)pthread_mutex_destroy(&t->lock);
        free(t);
    }
}

static struct challenge *row_of(struct challenges *t, struct slice account,
                                enum passkey_purpose purpose, uint8_t whose[static DIGEST_LEN])
{
    OWN(buf) struct buf text = {.max = 1024};

    buf_add_byte(&text, (uint8_t)purpose);
    buf_add(&text, account);
    digest_hmac(SLICE_ARRAY(t->key), buf_slice(&text), whose);
    size_t row = ((size_t)whose[0] << 8 | whose[1]) % ROWS;

    return purpose == PASSKEY_ALONE ? t->alone[row] : t->rows[row];
}

void challenges_draw(struct challenges *t, struct slice account, enum passkey_purpose purpose,
                     int64_t now_ms, uint8_t out[static AUTH_CHALLENGE_LEN])
{
    struct challenge fresh = {.until_ms = now_ms + CHALLENGE_LASTS_MS};
    struct challenge *row = row_of(t, account, purpose, fresh.whose);
    size_t oldest = 0;

    keyring_random_bytes(fresh.bytes, sizeof(fresh.bytes));
    (void)memcpy(out, fresh.bytes, sizeof(fresh.bytes));
    (void)pthread_mutex_lock(&t->lock);
    for (size_t i = 1; i < ROW; i++) {
        oldest = row[i].until_ms < row[oldest].until_ms ? i : oldest;
    }
    row[oldest] = fresh;
    (void)pthread_mutex_unlock(&t->lock);
}

bool challenges_take(struct challenges *t, struct slice account, enum passkey_purpose purpose,
                     const uint8_t challenge[static AUTH_CHALLENGE_LEN], int64_t now_ms)
{
    uint8_t whose[DIGEST_LEN];
    struct challenge *row = row_of(t, account, purpose, whose);
    bool found = false;

    (void)pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < ROW; i++) {
        if (memcmp(row[i].whose, whose, sizeof(whose)) == 0 &&
            secret_equal(SLICE_ARRAY(row[i].bytes), slice_of(challenge, AUTH_CHALLENGE_LEN))) {
            found = row[i].until_ms > now_ms;
            row[i] = (struct challenge){.until_ms = 0};
        }
    }
    (void)pthread_mutex_unlock(&t->lock);
    return found;
}
