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

static struct cbor_list copy_texts(const struct slice *texts, size_t count, struct arena *arena)
{
    struct slice *copies = arena_array(arena, count + 1, sizeof(*copies));

    for (size_t i = 0; i < count; i++) {
        copies[i] = arena_copy(arena, texts[i]);
    }
    return (struct cbor_list){copies, count};
}

static struct session copy_session(const struct session *from, struct arena *arena)
{
    struct session copy = *from;

    copy.account = arena_copy(arena, from->account);
    copy.addresses = copy_texts(from->addresses, from->n_addresses, arena).items;
    copy.mechanism = arena_copy(arena, from->mechanism);
    copy.groups = copy_texts(from->groups.items, from->groups.count, arena);
    copy.app = arena_copy(arena, from->app);
    copy.app_name = arena_copy(arena, from->app_name);
    copy.wildcards = copy_texts(from->wildcards.items, from->wildcards.count, arena);
    copy.domains = copy_texts(from->domains.items, from->domains.count, arena);
    copy.client = arena_copy(arena, from->client);
    copy.device = arena_copy(arena, from->device);
    return copy;
}

/* Of what the app password may send as, what the account still has: it may have lost an address since. */
static size_t narrow(const struct app_password *app, struct slice *addresses, size_t n)
{
    const struct slice *allowed = app->addresses.items;
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        bool may = false;
        for (size_t k = 0; k < app->addresses.count; k++) {
            may = may || slice_equal_nocase(addresses[i], allowed[k]);
        }
        if (may) {
            addresses[kept++] = addresses[i];
        }
    }
    return kept;
}

static struct entry *new_entry(const struct session_start *start)
{
    const struct account *account = start->account;
    const struct app_password *app = start->app;
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
    struct session session = {.account = account->name,
                              .addresses = addresses,
                              .n_addresses = n,
                              .mechanism = start->mechanism,
                              .desk = start->desk,
                              .drill = account->drill_until != 0,
                              .groups = account->groups,
                              .wildcards = account->domains,
                              .client = start->client,
                              .device = start->device};
    if (app) {
        session.app = app->id;
        session.app_name = app->name;
        (void)memcpy(session.app_most, app->most, sizeof(session.app_most));
        session.domains = app->domains;
        session.app_addresses = app->addresses.count > 0;
        session.n_addresses = session.app_addresses ? narrow(app, addresses, n) : n;
    }
    entry->session = copy_session(&session, &entry->arena);
    entry->ends_at_ms = start->ends_at_ms;
    return entry;
}

static bool has_hash(const struct entry *entry, struct slice hash)
{
    return secret_equal(SLICE_ARRAY(entry->hash), hash);
}

/* Letters for the first bytes of the hash: what it is called among people. */
static struct slice id_of(const struct entry *entry, uint8_t id[static SESSION_ID_LEN])
{
    static const char letters[] = "abcdefghijkmnpqr"; /* 16: four bits each */

    for (size_t i = 0; i < SESSION_ID_LEN; i++) {
        id[i] = (uint8_t)letters[entry->hash[i / 2] >> (i % 2 ? 0 : 4) & 15];
    }
    return slice_of(id, SESSION_ID_LEN);
}

/* Whose sessions end: with nothing set, those that are over. */
struct ending {
    struct slice hash;
    struct slice account;
    struct slice app; /* of the account: only those that it opened */
    struct slice id;  /* of the account: only this one */
};

static bool is_meant(const struct entry *entry, const struct ending *which)
{
    bool account = which->account.len && slice_equal(entry->session.account, which->account);
    uint8_t id[SESSION_ID_LEN];

    return (which->hash.len && has_hash(entry, which->hash)) ||
           (account && (which->app.len == 0 || slice_equal(entry->session.app, which->app)) &&
            (which->id.len == 0 || slice_equal(id_of(entry, id), which->id)));
}

/* Unlink and free every entry of a bucket that is meant, or is over; how many were meant. */
static size_t end_in(struct sessions *s, struct entry **link, const struct ending *which)
{
    int64_t now = clock_steady_ms();
    size_t meant = 0;

    while (*link) {
        struct entry *entry = *link;
        bool over = entry->ends_at_ms <= now;
        if (over || is_meant(entry, which)) {
            meant += !over;
            *link = entry->next;
            s->count--;
            free_entry(entry);
        } else {
            link = &entry->next;
        }
    }
    return meant;
}

static size_t end_in_all(struct sessions *s, const struct ending *which)
{
    size_t meant = 0;

    for (size_t i = 0; i < BUCKETS; i++) {
        meant += end_in(s, &s->buckets[i], which);
    }
    return meant;
}

static void end_those_over(struct sessions *s)
{
    (void)end_in_all(s, &(struct ending){.app = SLICE_NONE});
}

static bool add(struct sessions *s, struct entry *entry, struct error *e)
{
    (void)pthread_rwlock_wrlock(&s->lock);
    if (s->count == SESSIONS_MAX) {
        end_those_over(s);
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

bool sessions_begin(struct sessions *s, const struct session_start *start,
                    uint8_t handle[static AUTH_SESSION_LEN], struct error *e)
{
    struct entry *entry = new_entry(start);
    uint8_t fresh[AUTH_SESSION_LEN];

    if (getrandom(fresh, sizeof(fresh), 0) != sizeof(fresh)) {
        arena_panic("no random numbers for a session");
    }
    hash_of(SLICE_ARRAY(fresh), entry->hash);
    entry->session.since = (uint64_t)clock_wall_ms();
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
    struct entry *entry = new_entry(&(struct session_start){
        .account = account, .mechanism = mechanism, .desk = true, .ends_at_ms = desk->ends_at_ms});

    (void)memcpy(entry->hash, desk->hash, sizeof(entry->hash));
    entry->session.since = desk->since;
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
            out[n] = (struct desk_session){.account = arena_copy(arena, x->session.account),
                                           .ends_at_ms = x->ends_at_ms,
                                           .since = x->session.since,
                                           .mechanism = arena_copy(arena, x->session.mechanism)};
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
    (void)end_in(s, bucket_of(s, hash), &(struct ending){.hash = SLICE_ARRAY(hash)});
    (void)pthread_rwlock_unlock(&s->lock);
}

void sessions_end_account(struct sessions *s, struct slice account)
{
    sessions_end_app(s, account, SLICE_NONE);
}

void sessions_end_app(struct sessions *s, struct slice account, struct slice app)
{
    (void)pthread_rwlock_wrlock(&s->lock);
    (void)end_in_all(s, &(struct ending){.account = account, .app = app});
    (void)pthread_rwlock_unlock(&s->lock);
}

bool sessions_end_id(struct sessions *s, struct slice account, struct slice id)
{
    if (id.len != SESSION_ID_LEN) {
        return false;
    }
    (void)pthread_rwlock_wrlock(&s->lock);
    size_t ended = end_in_all(s, &(struct ending){.account = account, .id = id});
    (void)pthread_rwlock_unlock(&s->lock);
    return ended > 0;
}

size_t sessions_list(struct sessions *s, struct slice account, struct arena *arena,
                     struct session_seen *out, size_t max)
{
    int64_t now = clock_steady_ms();
    size_t n = 0;

    (void)pthread_rwlock_rdlock(&s->lock);
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct entry *x = s->buckets[i]; x; x = x->next) {
            if (x->ends_at_ms <= now ||
                (account.len && !slice_equal(account, x->session.account))) {
                continue;
            }
            if (n++ < max) {
                out[n - 1] =
                    (struct session_seen){.session = copy_session(&x->session, arena),
                                          .id = id_of(x, arena_alloc(arena, SESSION_ID_LEN)),
                                          .ends_at_ms = x->ends_at_ms};
            }
        }
    }
    (void)pthread_rwlock_unlock(&s->lock);
    return n;
}

size_t sessions_count_of(struct sessions *s, struct slice account)
{
    int64_t now = clock_steady_ms();
    size_t n = 0;

    (void)pthread_rwlock_rdlock(&s->lock);
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct entry *x = s->buckets[i]; x; x = x->next) {
            n +=
                !x->session.desk && x->ends_at_ms > now && slice_equal(x->session.account, account);
        }
    }
    (void)pthread_rwlock_unlock(&s->lock);
    return n;
}

size_t sessions_count(struct sessions *s)
{
    (void)pthread_rwlock_wrlock(&s->lock);
    end_those_over(s);
    size_t count = s->count;
    (void)pthread_rwlock_unlock(&s->lock);
    return count;
}
