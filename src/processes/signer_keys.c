#include "processes/signer_keys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/file.h"
#include "keyring/digest.h"
#include "keyring/keyring.h"
#include "processes/key_files.h"
#include "processes/signer_names.h"

#define STORED_MAX  (SIGNER_KEYS_MAX - SIGNER_TLS_MAX) /* keys with files */
#define SCRATCH_MAX ((size_t)1 << 20)

struct entry {
    uint64_t kind;
    char domain[SIGNER_NAME_MAX + 1]; /* both in lower case */
    char name[SIGNER_NAME_MAX + 1];
    uint64_t created_at;
    struct private_key *key;
};

struct signer_store {
    int directory;
    const struct secret *seal;
    pthread_mutex_t making; /* held while a key is made: one at a time */
    pthread_rwlock_t lock;  /* guards what follows; never held during I/O */
    struct entry *stored;   /* STORED_MAX of them */
    size_t n_stored;
    struct private_key *tls[SIGNER_TLS_MAX]; /* newest first */
    int64_t tls_at[SIGNER_TLS_MAX];
    size_t n_tls;
};

/* Two digits for each byte, and a NUL. */
static void hex(struct slice s, char *out)
{
    for (size_t i = 0; i < s.len; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", s.ptr[i]);
    }
}

static void file_name(const struct signer_store *s, const char *domain, const char *name,
                      char out[static KEY_FILE_NAME_MAX])
{
    key_file_name(s->seal, slice_text(domain), slice_text(name), out);
}

/* ── files ── */

static bool write_entry(struct signer_store *s, const struct entry *n, struct error *e)
{
    OWN(buf) struct buf key = {.max = PRIVATE_KEY_DER_MAX};

    if (!buf_room(&key, PRIVATE_KEY_DER_MAX)) {
        arena_panic("no room for a key");
    }
    private_key_write(n->key, &key);
    const struct key_file f = {n->kind, slice_text(n->domain), slice_text(n->name), n->created_at,
                               buf_slice(&key)};
    bool ok = !key.full ? key_file_write(s->directory, s->seal, &f, e)
                        : error_set(e, ERROR_LIMIT, "a key is too long to be kept");
    key_file_wipe(&key);
    return ok;
}

static bool read_entry(struct signer_store *s, const char *file, struct entry *out, struct error *e)
{
    OWN(arena) struct arena arena = {.max = SCRATCH_MAX};
    OWN(buf) struct buf content = {.max = KEY_FILE_CONTENT_MAX};
    struct key_file f;

    bool ok = key_file_read(s->directory, s->seal, file, &content, &arena, &f, e);
    if (ok) {
        *out = (struct entry){.kind = f.kind, .created_at = f.created_at};
        signer_name_lower(f.domain, out->domain);
        signer_name_lower(f.name, out->name);
        out->key = private_key_from_der(f.key, e);
    }
    key_file_wipe(&content);
    return ok && out->key != NULL;
}

static bool read_directory(struct signer_store *s, size_t *unreadable, struct error *e)
{
    int copy = openat(s->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = copy >= 0 ? fdopendir(copy) : NULL;

    if (!names) {
        own_fd(&copy);
        return error_errno(e, ERROR_CONFIG, "the keys' directory");
    }
    for (const struct dirent *d = readdir(names); d; d = readdir(names)) {
        struct error why;
        if (!key_file_is(d->d_name)) {
            continue;
        }
        bool room = s->n_stored < STORED_MAX || error_set(&why, ERROR_LIMIT, "too many keys");
        if (room && read_entry(s, d->d_name, &s->stored[s->n_stored], &why)) {
            s->n_stored++;
            continue;
        }
        *unreadable += 1;
        log_event(LOG_ERROR, "signer.key_unreadable", LOG_TEXT("file", d->d_name),
                  LOG_TEXT("reason", why.text));
    }
    (void)closedir(names);
    return true;
}

/* ── making ── */

static const struct entry *find(const struct signer_store *s, const char *domain, const char *name)
{
    for (size_t i = 0; i < s->n_stored; i++) {
        if (strcmp(s->stored[i].domain, domain) == 0 && strcmp(s->stored[i].name, name) == 0) {
            return &s->stored[i];
        }
    }
    return NULL;
}

static bool is_free(struct signer_store *s, const char *file, struct error *e)
{
    OWN(fd) int fd = -1;
    enum file_found found = file_open(s->directory, file, O_RDONLY, &fd, e);

    if (found == FILE_FOUND) {
        return error_set(e, ERROR_INPUT, "there is such a key already");
    }
    return found == FILE_MISSING;
}

/* Make the key of *n, keep it, put it in use. Called by one thread at a time. */
static bool make(struct signer_store *s, struct entry *n, uint64_t bits, struct error *e)
{
    char file[KEY_FILE_NAME_MAX];

    file_name(s, n->domain, n->name, file);
    if (!is_free(s, file, e)) {
        return false;
    }
    if (s->n_stored == STORED_MAX) { /* grows here alone */
        return error_set(e, ERROR_LIMIT, "there are %u keys already", (unsigned)STORED_MAX);
    }
    n->created_at = (uint64_t)clock_wall_ms();
    n->key = private_key_new((enum key_kind)n->kind, bits, e);
    if (!n->key) {
        return false;
    }
    if (!write_entry(s, n, e)) {
        private_key_free(n->key);
        return false;
    }
    (void)pthread_rwlock_wrlock(&s->lock);
    s->stored[s->n_stored++] = *n;
    (void)pthread_rwlock_unlock(&s->lock);
    return true;
}

static bool make_checkpoint_key(struct signer_store *s, struct error *e)
{
    struct entry n = {.kind = KEY_CHECKPOINT, .name = SIGNER_CHECKPOINT};
    char file[KEY_FILE_NAME_MAX];
    struct error why;

    file_name(s, n.domain, n.name, file);
    if (find(s, "", SIGNER_CHECKPOINT) || (!is_free(s, file, &why) && why.kind == ERROR_INPUT)) {
        return true; /* or it cannot be read, and a new one would hide that */
    }
    return make(s, &n, 0, e);
}

struct signer_store *signer_store_open(int directory, const struct secret *seal, size_t *unreadable,
                                       struct error *e)
{
    OWN(signer_store) struct signer_store *s = calloc(1, sizeof(*s));

    /* -fanalyzer: it takes the end of the process for a leak */
    if (!s || !(s->stored = calloc(STORED_MAX, sizeof(*s->stored)))) {
        arena_panic("out of memory");
    }
    s->directory = directory;
    s->seal = seal;
    *unreadable = 0;
    (void)pthread_mutex_init(&s->making, NULL);
    (void)pthread_rwlock_init(&s->lock, NULL);
    if (!key_files_renew(directory, seal, e) || !read_directory(s, unreadable, e) ||
        !make_checkpoint_key(s, e)) {
        return NULL;
    }
    return TAKE(s, NULL);
}

void signer_store_close(struct signer_store *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < s->n_stored; i++) {
        private_key_free(s->stored[i].key);
    }
    for (size_t i = 0; i < s->n_tls; i++) {
        private_key_free(s->tls[i]);
    }
    (void)pthread_mutex_destroy(&s->making);
    (void)pthread_rwlock_destroy(&s->lock);
    free(s->stored);
    free(s);
}

static struct signer_key describe(const struct entry *n, struct arena *arena)
{
    return (struct signer_key){
        .kind = n->kind,
        .domain = arena_copy(arena, slice_text(n->domain)),
        .name = arena_copy(arena, slice_text(n->name)),
        .public = arena_copy(arena, private_key_public(n->key)),
        .created_at = n->created_at,
    };
}

bool signer_store_new(struct signer_store *s, const struct signer_new_ask *ask, struct arena *arena,
                      struct signer_key *out, struct error *e)
{
    struct entry n = {.kind = ask->kind};

    if (ask->kind != KEY_DKIM_RSA && ask->kind != KEY_DKIM_ED25519 && ask->kind != KEY_OPENPGP) {
        return error_set(e, ERROR_INPUT, "only keys of DKIM and OpenPGP are made on demand");
    }
    if (!signer_name_is_dns(ask->domain) || !signer_name_is_dns(ask->name)) {
        return error_set(e, ERROR_INPUT,
                         "a DKIM key needs a domain and a selector such as `2026a`");
    }
    signer_name_lower(ask->domain, n.domain);
    signer_name_lower(ask->name, n.name);
    (void)pthread_mutex_lock(&s->making);
    bool made = make(s, &n, ask->kind == KEY_DKIM_RSA ? ask->bits : 0, e);
    (void)pthread_mutex_unlock(&s->making);
    if (made) {
        *out = describe(&n, arena);
    }
    return made;
}

/* ── keys of S/MIME, named by what they are ── */

struct private_key *signer_store_smime(struct signer_store *s, struct slice name,
                                       enum key_kind kind)
{
    char low[SIGNER_NAME_MAX + 1];

    signer_name_lower(name, low);
    (void)pthread_rwlock_rdlock(&s->lock);
    const struct entry *n = find(s, "", low);
    struct private_key *k = n && n->kind == kind ? private_key_ref(n->key) : NULL;
    (void)pthread_rwlock_unlock(&s->lock);
    return k;
}

/* Keep the key of *n, which is not kept yet. `making` is held. */
static bool add_smime(struct signer_store *s, struct entry *n, struct error *e)
{
    if (s->n_stored == STORED_MAX) {
        return error_set(e, ERROR_LIMIT, "there are %u keys already", (unsigned)STORED_MAX);
    }
    n->created_at = (uint64_t)clock_wall_ms();
    if (!write_entry(s, n, e)) {
        return false;
    }
    (void)pthread_rwlock_wrlock(&s->lock);
    s->stored[s->n_stored] = *n;
    s->stored[s->n_stored++].key = private_key_ref(n->key);
    (void)pthread_rwlock_unlock(&s->lock);
    return true;
}

bool signer_store_add_smime(struct signer_store *s, enum key_kind kind, struct private_key *key,
                            struct arena *arena, struct slice *name, struct error *e)
{
    struct entry n = {.kind = kind, .key = key};

    hex(private_key_id(key), n.name);
    (void)pthread_mutex_lock(&s->making);
    struct private_key *known = signer_store_smime(s, slice_text(n.name), kind);
    bool kept = known || add_smime(s, &n, e);
    (void)pthread_mutex_unlock(&s->making);
    private_key_free(known);
    *name = kept ? arena_copy(arena, slice_text(n.name)) : *name;
    return kept;
}

static bool remove_file(struct signer_store *s, const struct entry *n, struct error *e)
{
    char file[KEY_FILE_NAME_MAX];

    file_name(s, n->domain, n->name, file);
    if ((unlinkat(s->directory, file, 0) != 0 && errno != ENOENT) || fsync(s->directory) != 0) {
        return error_errno(e, ERROR_BUSY, "remove a key");
    }
    return true;
}

bool signer_store_drop(struct signer_store *s, struct slice domain, struct slice selector,
                       struct error *e)
{
    char low_domain[SIGNER_NAME_MAX + 1];
    char low_selector[SIGNER_NAME_MAX + 1];

    signer_name_lower(domain, low_domain);
    signer_name_lower(selector, low_selector);
    (void)pthread_mutex_lock(&s->making);
    const struct entry *n =
        find(s, low_domain, low_selector); /* who holds `making` changes the list */
    bool dkim = n && (n->kind == KEY_DKIM_RSA || n->kind == KEY_DKIM_ED25519);
    bool removed = !dkim || remove_file(s, n, e);
    if (dkim && removed) {
        (void)pthread_rwlock_wrlock(&s->lock);
        struct private_key *key = n->key;
        s->stored[n - s->stored] = s->stored[--s->n_stored];
        (void)pthread_rwlock_unlock(&s->lock);
        private_key_free(key);
    }
    (void)pthread_mutex_unlock(&s->making);
    return removed;
}

/* ── use ── */

static struct signer_key describe_tls(const struct signer_store *s, size_t i, struct arena *arena)
{
    struct slice id = private_key_id(s->tls[i]);
    char *name = arena_alloc(arena, 2 * id.len + 1);

    hex(id, name);
    return (struct signer_key){.kind = KEY_TLS,
                               .name = slice_text(name),
                               .public = arena_copy(arena, private_key_public(s->tls[i])),
                               .created_at = (uint64_t)s->tls_at[i]};
}

struct signer_keys signer_store_list(struct signer_store *s, struct arena *arena)
{
    struct signer_key *keys = arena_array(arena, SIGNER_KEYS_MAX, sizeof(*keys));
    size_t n = 0;

    (void)pthread_rwlock_rdlock(&s->lock);
    for (size_t i = 0; i < s->n_stored; i++) {
        keys[n++] = describe(&s->stored[i], arena);
    }
    for (size_t i = 0; i < s->n_tls; i++) {
        keys[n++] = describe_tls(s, i, arena);
    }
    (void)pthread_rwlock_unlock(&s->lock);
    return (struct signer_keys){
        {keys, n}
    };
}

static bool is_for_dkim(uint64_t kind)
{
    return kind == KEY_DKIM_RSA || kind == KEY_DKIM_ED25519;
}

static bool is_for_openpgp(uint64_t kind)
{
    return kind == KEY_OPENPGP;
}

static bool is_for_checkpoints(uint64_t kind)
{
    return kind == KEY_CHECKPOINT;
}

/* A key signs what it was made for, and nothing else. */
static struct private_key *take(struct signer_store *s, const char *domain, const char *name,
                                bool fits(uint64_t kind))
{
    (void)pthread_rwlock_rdlock(&s->lock);
    const struct entry *n = find(s, domain, name);
    struct private_key *k = n && fits(n->kind) ? private_key_ref(n->key) : NULL;
    (void)pthread_rwlock_unlock(&s->lock);
    return k;
}

struct private_key *signer_store_dkim(struct signer_store *s, struct slice domain,
                                      struct slice selector)
{
    char low_domain[SIGNER_NAME_MAX + 1];
    char low_selector[SIGNER_NAME_MAX + 1];

    if (domain.len == 0) { /* the checkpoint key has none */
        return NULL;
    }
    signer_name_lower(domain, low_domain);
    signer_name_lower(selector, low_selector);
    return take(s, low_domain, low_selector, is_for_dkim);
}

struct private_key *signer_store_openpgp(struct signer_store *s, struct slice domain,
                                         struct slice name)
{
    char low_domain[SIGNER_NAME_MAX + 1];
    char low_name[SIGNER_NAME_MAX + 1];

    signer_name_lower(domain, low_domain);
    signer_name_lower(name, low_name);
    return take(s, low_domain, low_name, is_for_openpgp);
}

struct private_key *signer_store_checkpoint(struct signer_store *s)
{
    return take(s, "", SIGNER_CHECKPOINT, is_for_checkpoints);
}

static bool holds(const struct signer_store *s, const struct private_key *k)
{
    for (size_t i = 0; i < s->n_tls; i++) {
        if (slice_equal(private_key_id(s->tls[i]), private_key_id(k))) {
            return true;
        }
    }
    return false;
}

/* Put a key in front of the others; the oldest goes when there is no room. */
static void put_first(struct signer_store *s, struct private_key *k)
{
    if (s->n_tls == SIGNER_TLS_MAX) {
        private_key_free(s->tls[--s->n_tls]);
    }
    (void)memmove(&s->tls[1], &s->tls[0], s->n_tls * sizeof(struct private_key *));
    (void)memmove(&s->tls_at[1], &s->tls_at[0], s->n_tls * sizeof(s->tls_at[0]));
    s->tls[0] = k;
    s->tls_at[0] = clock_wall_ms();
    s->n_tls++;
}

bool signer_store_set_tls(struct signer_store *s, struct slice pem, struct error *e)
{
    struct private_key *keys[SIGNER_TLS_MAX / 2];
    size_t n = 0;

    if (!private_keys_from_pem(pem, SIGNER_TLS_MAX / 2, keys, &n, e)) {
        return false;
    }
    (void)pthread_rwlock_wrlock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        if (holds(s, keys[i])) {
            private_key_free(keys[i]);
        } else {
            put_first(s, keys[i]);
        }
    }
    (void)pthread_rwlock_unlock(&s->lock);
    return true;
}

static bool is_named(const struct private_key *k, struct slice name)
{
    char id[2 * PRIVATE_KEY_ID_LEN + 1];

    hex(private_key_id(k), id);
    return slice_equal(name, slice_text(id)) || slice_equal(name, SLICE(SIGNER_TLS));
}

struct private_key *signer_store_tls(struct signer_store *s, struct slice name,
                                     enum private_key_type type)
{
    struct private_key *found = NULL;

    (void)pthread_rwlock_rdlock(&s->lock);
    for (size_t i = 0; i < s->n_tls && !found; i++) {
        if (private_key_type(s->tls[i]) == type && is_named(s->tls[i], name)) {
            found = private_key_ref(s->tls[i]);
        }
    }
    (void)pthread_rwlock_unlock(&s->lock);
    return found;
}
