#include "keeper/sessions.h"

#include <pthread.h>
#include <sys/random.h>

#include "base/clock.h"

#define BUCKETS 4096

/* One allocation: the texts stand behind the struct. */
struct entry {
    struct entry *next;
    uint8_t handle[AUTH_SESSION_LEN];
    int64_t ends_at_ms; /* of the steady clock */
    struct arena arena; /* of the texts below */
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
    explicit_bzero(entry->handle, sizeof(entry->handle));
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

/* Handles are random, so any two of their bytes spread them evenly. */
static struct entry **bucket_of(struct sessions *s, const uint8_t *handle)
{
    return &s->buckets[((size_t)handle[0] << 8 | handle[1]) % BUCKETS];
}

static struct session copy_session(const struct session *from, struct arena *arena)
{
    struct slice *addresses = arena_array(arena, from->n_addresses, sizeof(*addresses));

    for (size_t i = 0; i < from->n_addresses; i++) {
        addresses[i] = arena_copy(arena, from->addresses[i]);
    }
    return (struct session){.account = arena_copy(arena, from->account),
                            .addresses = addresses,
                            .n_addresses = from->n_addresses,
                            .mechanism = arena_copy(arena, from->mechanism),
                            .desk = from->desk};
}

static struct entry *new_entry(const struct account *account, struct slice mechanism, bool desk)
{
    struct entry *entry = calloc(1, sizeof(*entry));
    OWN(arena) struct arena scratch = {.max = 1 << 20};
    size_t n = account->addresses.count + 1;
    struct slice *addresses = arena_array(&scratch, n, sizeof(*addresses));

    if (!entry || getrandom(entry->handle, AUTH_SESSION_LEN, 0) != AUTH_SESSION_LEN) {
        arena_panic("no memory or no random numbers for a session");
    }
    addresses[0] = account->name;
    for (size_t i = 1; i < n; i++) {
        addresses[i] = ((const struct slice *)account->addresses.items)[i - 1];
    }
    arena_init(&entry->arena, 1 << 20);
    const struct session session = {account->name, addresses, n, mechanism, desk};
    entry->session = copy_session(&session, &entry->arena);
    return entry;
}

static bool is_handle(const struct entry *entry, struct slice handle)
{
    return secret_equal(slice_of(entry->handle, AUTH_SESSION_LEN), handle);
}

/* Unlink and free every entry of a bucket that has this handle, belongs to this account or is
 * over. */
static void end_in(struct sessions *s, struct entry **link, struct slice handle,
                   struct slice account)
{
    int64_t now = clock_steady_ms();

    while (*link) {
        struct entry *entry = *link;
        if ((handle.len && is_handle(entry, handle)) ||
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

bool sessions_begin(struct sessions *s, const struct account *account, struct slice mechanism,
                    bool desk, int64_t ends_at_ms, uint8_t handle[static AUTH_SESSION_LEN],
                    struct error *e)
{
    struct entry *entry = new_entry(account, mechanism, desk);

    entry->ends_at_ms = ends_at_ms;
    (void)pthread_rwlock_wrlock(&s->lock);
    if (s->count == SESSIONS_MAX) {
        end_in_all(s, SLICE_NONE);
    }
    bool room = s->count < SESSIONS_MAX;
    if (room) {
        struct entry **bucket = bucket_of(s, entry->handle);
        entry->next = *bucket;
        *bucket = entry;
        s->count++;
        (void)memcpy(handle, entry->handle, AUTH_SESSION_LEN);
    }
    (void)pthread_rwlock_unlock(&s->lock);
    if (!room) {
        free_entry(entry);
        return error_set(e, ERROR_LIMIT, "too many sessions are open");
    }
    return true;
}

bool sessions_find(struct sessions *s, struct slice handle, struct arena *arena,
                   struct session *out)
{
    struct entry *entry = NULL;

    if (handle.len != AUTH_SESSION_LEN) {
        return false;
    }
    (void)pthread_rwlock_rdlock(&s->lock);
    for (entry = *bucket_of(s, handle.ptr); entry && !is_handle(entry, handle);) {
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
    if (handle.len != AUTH_SESSION_LEN) {
        return;
    }
    (void)pthread_rwlock_wrlock(&s->lock);
    end_in(s, bucket_of(s, handle.ptr), handle, SLICE_NONE);
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
