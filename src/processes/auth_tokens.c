#include "processes/auth_tokens.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#include "keyring/digest.h"
#include "keyring/keyring.h"

#define ROWS 512
#define WAYS 4

struct slot {
    uint8_t tag[DIGEST_LEN];
    int64_t until_ms; /* 0: empty */
    int64_t ends_ms;  /* the token's own end, wall clock */
    bool factor;
    uint8_t account_len;
    uint8_t provider_len;
    uint8_t account[TOKEN_ACCOUNT_MAX];
    uint8_t provider[TOKEN_PROVIDER_MAX];
};

struct auth_tokens {
    struct secret *key;
    pthread_mutex_t lock;
    struct slot slots[ROWS][WAYS]; /* guarded by lock */
};

struct auth_tokens *auth_tokens_new(void)
{
    struct auth_tokens *t = calloc(1, sizeof(*t));

    if (!t) {
        arena_panic("out of memory");
    }
    t->key = keyring_random();
    (void)pthread_mutex_init(&t->lock, NULL);
    return t;
}

void auth_tokens_free(struct auth_tokens *t)
{
    if (!t) {
        return;
    }
    secret_free(t->key);
    (void)pthread_mutex_destroy(&t->lock);
    explicit_bzero(t->slots, sizeof(t->slots));
    free(t);
}

static void tag_of(const struct auth_tokens *t, struct slice token,
                   const struct token_ground *ground, uint8_t tag[static DIGEST_LEN])
{
    uint8_t parts[2 * DIGEST_LEN];

    digest_hmac(secret_slice(t->key), token, parts);
    digest_hmac(secret_slice(t->key),
                slice_of((const uint8_t *)&ground->settings, sizeof(ground->settings)),
                parts + DIGEST_LEN);
    for (size_t i = 0; i < sizeof(ground->generation); i++) {
        parts[DIGEST_LEN + i] ^= (uint8_t)(ground->generation >> (8 * i));
    }
    digest_hmac(secret_slice(t->key), SLICE_ARRAY(parts), tag);
}

static struct slot *row_of(struct auth_tokens *t, const uint8_t tag[static DIGEST_LEN])
{
    return t->slots[((size_t)tag[0] << 8 | tag[1]) % ROWS];
}

bool auth_tokens_find(struct auth_tokens *t, struct slice token, const struct token_ground *ground,
                      int64_t now_ms, struct arena *arena, struct token_identity *out)
{
    uint8_t tag[DIGEST_LEN];
    bool found = false;

    tag_of(t, token, ground, tag);
    (void)pthread_mutex_lock(&t->lock);
    const struct slot *row = row_of(t, tag);
    for (size_t i = 0; i < WAYS && !found; i++) {
        const struct slot *s = &row[i];
        found = s->until_ms > now_ms && secret_equal(SLICE_ARRAY(s->tag), SLICE_ARRAY(tag));
        if (found) {
            *out = (struct token_identity){
                .provider = arena_copy(arena, slice_of(s->provider, s->provider_len)),
                .account = arena_copy(arena, slice_of(s->account, s->account_len)),
                .until_ms = s->ends_ms,
                .factor = s->factor};
        }
    }
    (void)pthread_mutex_unlock(&t->lock);
    return found;
}

void auth_tokens_add(struct auth_tokens *t, struct slice token, const struct token_ground *ground,
                     const struct token_identity *identity, int64_t now_ms, int64_t until_ms)
{
    struct slot fresh = {.until_ms = until_ms,
                         .ends_ms = identity->until_ms,
                         .factor = identity->factor,
                         .account_len = (uint8_t)identity->account.len,
                         .provider_len = (uint8_t)identity->provider.len};

    if (until_ms <= now_ms || identity->account.len > sizeof(fresh.account) ||
        identity->provider.len > sizeof(fresh.provider) || identity->account.len == 0) {
        return;
    }
    (void)memcpy(fresh.account, identity->account.ptr, identity->account.len);
    (void)memcpy(fresh.provider, identity->provider.ptr, identity->provider.len);
    tag_of(t, token, ground, fresh.tag);
    (void)pthread_mutex_lock(&t->lock);
    struct slot *row = row_of(t, fresh.tag);
    struct slot *place = &row[0];
    for (size_t i = 1; i < WAYS; i++) {
        place = row[i].until_ms < place->until_ms ? &row[i] : place;
    }
    *place = fresh;
    (void)pthread_mutex_unlock(&t->lock);
    explicit_bzero(&fresh, sizeof(fresh));
}
