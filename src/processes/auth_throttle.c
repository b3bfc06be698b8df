#include "processes/auth_throttle.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/secret.h"

#include "host/address.h"
#include "keyring/digest.h"
#include "keyring/keyring.h"

#define ROWS       1024
#define WAYS       8
#define KEY_LEN    16
#define IPV6_BYTES 16
#define IPV6_SITE  8 /* a /64: what one customer has at least */

struct entry {
    uint8_t key[KEY_LEN];
    int64_t window_ends; /* of the failures counted; 0 with no block and not known: empty */
    int64_t blocked_until;
    int64_t known_until; /* of pairs, and of addresses that somebody signed in from */
    uint32_t failures;
    uint32_t knocks;       /* at addresses: guesses of those who were turned away */
    uint64_t last_tag;     /* of pairs: of the password that was turned away last; 0: none was */
    uint32_t doubled;      /* of addresses: how often */
    int64_t doubles_until; /* forgotten when it was quiet for as long as its last block */
};

struct table {
    struct entry entries[ROWS][WAYS];
};

enum subject { ACCOUNT, ADDRESS, PAIR, SUBJECTS };

struct auth_throttle {
    struct secret *key;
    pthread_mutex_t lock;
    struct table tables[SUBJECTS]; /* guarded by lock */
};

struct auth_throttle *auth_throttle_new(void)
{
    struct auth_throttle *t = calloc(1, sizeof(*t));

    if (!t) {
        arena_panic("out of memory");
    }
    t->key = keyring_random();
    (void)pthread_mutex_init(&t->lock, NULL);
    return t;
}

void auth_throttle_free(struct auth_throttle *t)
{
    if (!t) {
        return;
    }
    secret_free(t->key);
    (void)pthread_mutex_destroy(&t->lock);
    free(t);
}

/* The bytes that stand for an address. */
static struct slice site_of(struct slice client, struct address *a)
{
    struct error e;

    if (!address_parse(client, 1, a, &e)) {
        return slice_head(client, IPV6_BYTES);
    }
    struct slice bytes = address_bytes(a);
    return bytes.len == IPV6_BYTES ? slice_head(bytes, IPV6_SITE) : bytes;
}

/* The keys of the three subjects. */
static void keys_of(const struct auth_throttle *t, struct slice account, struct slice client,
                    uint8_t keys[static SUBJECTS][KEY_LEN])
{
    uint8_t hash[DIGEST_LEN];
    uint8_t pair[2 * KEY_LEN];
    struct address a;

    digest_hmac(secret_slice(t->key), account, hash);
    (void)memcpy(keys[ACCOUNT], hash, KEY_LEN);
    digest_hmac(secret_slice(t->key), site_of(client, &a), hash);
    (void)memcpy(keys[ADDRESS], hash, KEY_LEN);
    (void)memcpy(pair, keys[ACCOUNT], KEY_LEN);
    (void)memcpy(pair + KEY_LEN, keys[ADDRESS], KEY_LEN);
    digest_hmac(secret_slice(t->key), SLICE_ARRAY(pair), hash);
    (void)memcpy(keys[PAIR], hash, KEY_LEN);
}

static struct entry *row_of(struct auth_throttle *t, enum subject s, const uint8_t *key)
{
    return t->tables[s].entries[((size_t)key[0] << 8 | key[1]) % ROWS];
}

static struct entry *find(struct auth_throttle *t, enum subject s, const uint8_t *key)
{
    struct entry *row = row_of(t, s, key);

    for (size_t i = 0; i < WAYS; i++) {
        if (memcmp(row[i].key, key, KEY_LEN) == 0) {
            return &row[i];
        }
    }
    return NULL;
}

/* When an entry stops mattering: the first of a row gives way to a new one. What is known comes last, for only who has a
 * password can have it known. */
static int64_t worth(const struct entry *n, int64_t now)
{
    int64_t until = n->doubles_until > n->window_ends ? n->doubles_until : n->window_ends;

    return n->known_until > now     ? INT64_MAX / 2 + n->known_until
           : n->blocked_until > now ? INT64_MAX / 4 + n->blocked_until
                                    : until;
}

/* The subject's entry, made if need be. */
static struct entry *find_or_make(struct auth_throttle *t, enum subject s, const uint8_t *key,
                                  int64_t now)
{
    struct entry *n = find(t, s, key);
    struct entry *row = row_of(t, s, key);

    if (n) {
        return n;
    }
    n = &row[0];
    for (size_t i = 1; i < WAYS; i++) {
        n = worth(&row[i], now) < worth(n, now) ? &row[i] : n;
    }
    *n = (struct entry){0};
    (void)memcpy(n->key, key, KEY_LEN);
    return n;
}

static bool is_blocked(struct auth_throttle *t, enum subject s, const uint8_t *key, int64_t now)
{
    struct entry *n = find(t, s, key);

    if (n && n->blocked_until && n->blocked_until <= now) { /* begin anew */
        n->blocked_until = 0;
        n->failures = 0;
        n->knocks = 0;
    }
    return n && n->blocked_until > now;
}

static bool is_known(struct auth_throttle *t, enum subject s, const uint8_t *key, int64_t now)
{
    const struct entry *n = find(t, s, key);
    return n && n->known_until > now;
}

static bool allows(struct auth_throttle *t, struct slice account, struct slice client,
                   bool guessable, int64_t now)
{
    uint8_t keys[SUBJECTS][KEY_LEN];

    keys_of(t, account, client, keys);
    (void)pthread_mutex_lock(&t->lock);
    bool account_blocked = is_blocked(t, ACCOUNT, keys[ACCOUNT], now) && guessable;
    bool address_blocked = is_blocked(t, ADDRESS, keys[ADDRESS], now);
    bool blocked = is_blocked(t, PAIR, keys[PAIR], now);
    if (!is_known(t, PAIR, keys[PAIR], now)) {
        blocked |= account_blocked || address_blocked;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return !blocked;
}

bool auth_throttle_allows(struct auth_throttle *t, struct slice account, struct slice client,
                          int64_t now_ms)
{
    return allows(t, account, client, true, now_ms);
}

bool auth_throttle_allows_unguessable(struct auth_throttle *t, struct slice account,
                                      struct slice client, int64_t now_ms)
{
    return allows(t, account, client, false, now_ms);
}

static void begin_window(struct entry *n, const struct auth_settings *settings, int64_t now)
{
    if (n->window_ends <= now) {
        n->failures = 0;
        n->knocks = n->blocked_until > now ? n->knocks : 0;
        n->window_ends = now + settings->failures_window_ms;
    }
}

/* Count one failure of one subject; true when that begins a block. */
static bool count(struct entry *n, const struct auth_settings *settings, int64_t now)
{
    begin_window(n, settings, now);
    n->failures++;
    if (n->failures < settings->failures_limit || n->blocked_until > now) {
        return false;
    }
    n->blocked_until = now + settings->block_ms;
    return true;
}

static int64_t delay_of(uint32_t failures, const struct auth_settings *settings)
{
    int64_t delay = settings->failure_delay_ms;

    for (uint32_t i = 1; i < failures && delay < AUTH_THROTTLE_DELAY_MAX_MS; i++) {
        delay *= 2;
    }
    return delay > AUTH_THROTTLE_DELAY_MAX_MS ? AUTH_THROTTLE_DELAY_MAX_MS : delay;
}

int64_t auth_throttle_failed(struct auth_throttle *t, const struct auth_settings *settings,
                             struct slice account, struct slice client, int64_t now_ms,
                             bool *blocked)
{
    uint8_t keys[SUBJECTS][KEY_LEN];
    uint32_t most = 0;

    *blocked = false;
    keys_of(t, account, client, keys);
    (void)pthread_mutex_lock(&t->lock);
    bool known = is_known(t, PAIR, keys[PAIR], now_ms);
    for (enum subject s = ACCOUNT; s < SUBJECTS; s++) {
        struct entry *n = find_or_make(t, s, keys[s], now_ms);
        bool began = count(n, settings, now_ms);
        if (!known || s == PAIR) {
            *blocked |= began;
            most = n->failures > most ? n->failures : most;
        }
    }
    (void)pthread_mutex_unlock(&t->lock);
    return delay_of(most, settings);
}

void auth_throttle_succeeded(struct auth_throttle *t, struct slice account, struct slice client,
                             int64_t now_ms)
{
    uint8_t keys[SUBJECTS][KEY_LEN];

    keys_of(t, account, client, keys);
    (void)pthread_mutex_lock(&t->lock);
    struct entry *n = find_or_make(t, PAIR, keys[PAIR], now_ms);
    n->failures = 0;
    n->blocked_until = 0;
    n->known_until = now_ms + AUTH_THROTTLE_KNOWN_MS;
    find_or_make(t, ADDRESS, keys[ADDRESS], now_ms)->known_until = n->known_until;
    (void)pthread_mutex_unlock(&t->lock);
}

/* Whether it is another password than the one before. Whoever guesses says another one each time; a program that has the
 * right one, or an old one, says the same. */
static bool is_another(const struct auth_throttle *t, struct entry *pair, struct slice password)
{
    uint8_t hash[DIGEST_LEN];
    uint64_t before = pair->last_tag;

    digest_hmac(secret_slice(t->key), password, hash);
    pair->last_tag = get64(hash) | 1;
    return before && before != pair->last_tag;
}

/* One more guess from an address. */
static void knock(struct entry *n, const struct auth_settings *settings, int64_t now)
{
    begin_window(n, settings, now);
    n->knocks++;
    if (n->knocks != settings->failures_limit) {
        return;
    }
    n->doubled = n->doubles_until > now ? n->doubled : 0;
    int64_t block = settings->block_ms << n->doubled;
    n->blocked_until = now + block;
    n->doubles_until = n->blocked_until + block;
    n->doubled += n->doubled < AUTH_THROTTLE_DOUBLED_MAX;
}

void auth_throttle_knocked(struct auth_throttle *t, const struct auth_settings *settings,
                           struct slice account, struct slice client, struct slice password,
                           int64_t now_ms)
{
    uint8_t keys[SUBJECTS][KEY_LEN];
    struct address a;
    struct error e;

    if (password.len == 0 || !address_parse(client, 1, &a, &e)) {
        return;
    }
    keys_of(t, account, client, keys);
    (void)pthread_mutex_lock(&t->lock);
    if (!is_known(t, ADDRESS, keys[ADDRESS], now_ms) &&
        is_another(t, find_or_make(t, PAIR, keys[PAIR], now_ms), password)) {
        knock(find_or_make(t, ADDRESS, keys[ADDRESS], now_ms), settings, now_ms);
    }
    (void)pthread_mutex_unlock(&t->lock);
}

int64_t auth_throttle_closed(struct auth_throttle *t, const struct auth_settings *settings,
                             struct slice client, int64_t now_ms)
{
    uint8_t keys[SUBJECTS][KEY_LEN];
    struct address a;
    struct error e;
    int64_t closed = 0;

    if (!address_parse(client, 1, &a, &e)) {
        return 0;
    }
    keys_of(t, SLICE_NONE, client, keys);
    (void)pthread_mutex_lock(&t->lock);
    const struct entry *n = find(t, ADDRESS, keys[ADDRESS]);
    if (n && n->knocks >= settings->failures_limit && n->known_until <= now_ms &&
        n->blocked_until > now_ms) {
        closed = n->blocked_until - now_ms;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return closed;
}
