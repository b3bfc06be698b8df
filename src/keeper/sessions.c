#include "keeper/sessions.h"

#include <pthread.h>
#include <sys/random.h>

#include "base/clock.h"

#define BUCKETS 4096

/* One allocation: the texts stand behind the struct. */
struct entry {
    struct entry *next;
    uint8_t hash[DIGEST_LEN]; /* of the handle */
    int64_t ends_at_ms;       /* of the steady clock */
    struct arena arena;       /* of the texts below */
    struct session session;
};

struct sessions {
    pthread_rwlock_t lock;
    struct entry *buckets[BUCKETS]; /* guarded by lock */
    size_t count;                   /* guarded by lock */
};

struct sessions *sessions_new(void)
{
    struct sessions *s = calloc(1, sizeof(*s));

    if (!s) {
        arena_panic("out of memory");
    }
    (void)pthread_rwlock_init(&s->lock, NULL);
    return s;
}

static void free_entry(struct entry *entry)
{
    arena_done(&entry->arena);
    free(entry);
}

void sessions_free(struct sessions *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        while (s->buckets[i]) {
            struct entry *entry = s->buckets[i];
            s->buckets[i] = entry->next;
            free_entry(entry);
        }
    }
    (void)pthread_rwlock_destroy(&s->lock);
    free(s);
}

/* Any two bytes of a hash spread them evenly. */
static struct entry **bucket_of(struct sessions *s, const uint8_t *hash)
{
    return &s->buckets[((size_t)hash[0] << 8 | hash[1]) % BUCKETS];
}

static void hash_of(struct slice handle, uint8_t hash[static DIGEST_LEN])
{
    digest_of(handle, SLICE_NONE, hash);
}

static struct session copy_session(const struct session *from, struct arena *arena)
{
    struct slice *addresses = arena_array(arena, from->n_addresses, sizeof(*addresses));

    for (size_t i = 0; i < from->n_addresses; i++) {
        addresses[i] = arena_copy(arena, from->addresses[i]);
    }
    const struct slice *groups = from->groups.items;
    struct slice *copies = arena_array(arena, from->groups.count + 1, sizeof(*copies));
    for (size_t i = 0; i < from->groups.count; i++) {
        copies[i] = arena_copy(arena, groups[i]);
    }
    return (struct session){
        .account = arena_copy(arena, from->account),
        .addresses = addresses,
        .n_addresses = from->n_addresses,
        .mechanism = arena_copy(arena, from->mechanism),
        .desk = from->desk,
        .groups = {copies, from->groups.count}
    };
}

static struct entry *new_entry(const struct account *account, struct slice mechanism, bool desk)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    OWN(arena) struct arena scratch = {.max = 1 << 20};
    size_t n = account->addresses.count + 1;
    struct slice *addresses = arena_array(&scratch, n, sizeof(*addresses));

    if (!entry) {
        arena_panic("no memory for a session");
    }
    addresses[0] = account->name;
    for (size_t i = 1; i < n; i++) {
        addresses[i] = ((const struct slice *)account->addresses.items)[i - 1];
    }
    arena_init(&entry->arena, 1 << 20);
    const struct session session = {account->name, addresses, n, mechanism, desk, account->groups};
    entry->session = copy_session(&session, &entry->arena);
    return entry;
}

static bool has_hash(const struct entry *entry, struct slice hash)
{
    return secret_equal(SLICE_ARRAY(entry->hash), hash);
}

/* Unlink and free every entry of a bucket that has this hash, belongs to this account or is
 * over. */
static void end_in(struct sessions *s, struct entry **link, struct slice hash, struct slice account)
{
    int64_t now = clock_steady_ms();

    while (*link) {
        struct entry *entry = *link;
        if ((hash.len && has_hash(entry, hash)) ||
            (account.len && slice_equal(entry->session.account, account)) ||
            entry->ends_at_ms <= now) {
            *link = entry->next;
            s->count--;
            free_entry(entry);
        } else {
            link = &entry->next;
        }
    }
}

static void end_in_all(struct sessions *s, struct slice account)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        end_in(s, &s->buckets[i], SLICE_NONE, account);
    }
}

static bool add(struct sessions *s, struct entry *entry, struct error *e)
{
    (void)pthread_rwlock_wrlock(&s->lock);
    if (s->count == SESSIONS_MAX) {
        end_in_all(s, SLICE_NONE);
    }
    bool room = s->count < SESSIONS_MAX;
    if (room) {
        struct entry **bucket = bucket_of(s, entry->hash);
        entry->next = *bucket;
        *bucket = entry;
        s->count++;
    }
    (void)pthread_rwlock_unlock(&s->lock);
    if (!room) {
        free_entry(entry);
        return error_set(e, ERROR_LIMIT, "too many sessions are open");
    }
    return true;
}

bool sessions_begin(struct sessions *s, const struct account *account, struct slice mechanism,
                    bool desk, int64_t ends_at_ms, uint8_t handle[static AUTH_SESSION_LEN],
                    struct error *e)
{
    struct entry *entry = new_entry(account, mechanism, desk);
    uint8_t fresh[AUTH_SESSION_LEN];

    if (getrandom(fresh, sizeof(fresh), 0) != sizeof(fresh)) {
        arena_panic("no random numbers for a session");
    }
    hash_of(SLICE_ARRAY(fresh), entry->hash);
    entry->ends_at_ms = ends_at_ms;
    if (!add(s, entry, e)) {
        return false;
    }
    (void)memcpy(handle, fresh, sizeof(fresh));
    explicit_bzero(fresh, sizeof(fresh));
    return true;
}

bool sessions_resume(struct sessions *s, const struct account *account, struct slice mechanism,
                     const struct desk_session *desk, struct error *e)
{
    struct entry *entry = new_entry(account, mechanism, true);

    (void)memcpy(entry->hash, desk->hash, sizeof(entry->hash));
    entry->ends_at_ms = desk->ends_at_ms;
    return add(s, entry, e);
}

size_t sessions_desks(struct sessions *s, struct arena *arena, struct desk_session *out, size_t max)
{
    size_t n = 0;
    int64_t now = clock_steady_ms();

    (void)pthread_rwlock_rdlock(&s->lock);
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct entry *x = s->buckets[i]; x && n < max; x = x->next) {
            if (!x->session.desk || x->ends_at_ms <= now) {
                continue;
            }
            out[n] =
                (struct desk_session){arena_copy(arena, x->session.account), {0}, x->ends_at_ms};
            (void)memcpy(out[n++].hash, x->hash, DIGEST_LEN);
        }
    }
    (void)pthread_rwlock_unlock(&s->lock);
    return n;
}

bool sessions_find(struct sessions *s, struct slice handle, struct arena *arena,
                   struct session *out)
{
    struct entry *entry = NULL;
    uint8_t hash[DIGEST_LEN];

    if (handle.len != AUTH_SESSION_LEN) {
        return false;
    }
    hash_of(handle, hash);
    (void)pthread_rwlock_rdlock(&s->lock);
    for (entry = *bucket_of(s, hash); entry && !has_hash(entry, SLICE_ARRAY(hash));) {
        entry = entry->next;
    }
    if (entry && entry->ends_at_ms <= clock_steady_ms()) {
        entry = NULL;
    }
    if (entry) {
        *out = copy_session(&entry->session, arena);
    }
    (void)pthread_rwlock_unlock(&s->lock);
    return entry != NULL;
}

void sessions_end(struct sessions *s, struct slice handle)
{
    uint8_t hash[DIGEST_LEN];

    if (handle.len != AUTH_SESSION_LEN) {
        return;
    }
    hash_of(handle, hash);
    (void)pthread_rwlock_wrlock(&s->lock);
    end_in(s, bucket_of(s, hash), SLICE_ARRAY(hash), SLICE_NONE);
    (void)pthread_rwlock_unlock(&s->lock);
}

void sessions_end_account(struct sessions *s, struct slice account)
{
    (void)pthread_rwlock_wrlock(&s->lock);
    end_in_all(s, account);
    (void)pthread_rwlock_unlock(&s->lock);
}

size_t sessions_count(struct sessions *s)
{
    (void)pthread_rwlock_wrlock(&s->lock);
    end_in_all(s, SLICE_NONE);
    size_t count = s->count;
    (void)pthread_rwlock_unlock(&s->lock);
    return count;
}
