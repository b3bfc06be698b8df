#include "vault/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/file.h"
#include "keyring/keyring.h"
#include "keyring/recovery.h"

#define RECOVERY_MAX 4096
#define TRIED_MAX    1000 /* of as many installations, and strangers, as share a store */
#define REMOVED_MAX                                                                                \
    64 /* damaged objects: when there are more, it may be this machine that reads wrong */

bool vault_find(struct vault *v, uint64_t number, const struct vault_known *known,
                struct arena *arena, struct vault_manifest *m, struct error *e)
{
    OWN(vault_listing) struct vault_listing there = {0};
    struct vault_name said;
    size_t count = 0;

    if (!vault_list(v, "m-", &there, e)) {
        return false;
    }
    const struct vault_entry **all = vault_manifests(v, &there, arena, &count);
    *e = (struct error){.kind = ERROR_CORRUPT, .text = "there is no such backup"};
    for (size_t i = count; i > 0; i--) {
        (void)vault_manifest_name(v, all[i - 1]->name, &said);
        if (number && said.number != number) {
            continue;
        }
        if (!vault_get_manifest(v, all[i - 1]->name, arena, m, NULL, e)) {
            if (e->kind == ERROR_BUSY) {
                return false;
            }
            continue; /* an older one is better than none */
        }
        return number || !known || m->number >= known->number ||
               error_set(e, ERROR_CORRUPT,
                         "the newest backup there is number %llu, and number %llu was made: the "
                         "store was put back to an earlier state",
                         (unsigned long long)m->number, (unsigned long long)known->number);
    }
    return false;
}

static bool fetch_pieces(struct vault *v, const struct vault_file *f, int to, struct error *e)
{
    char name[STORE_NAME_MAX + 1];
    struct slice bytes;
    uint64_t at = 0;

    for (size_t i = 0; i < vault_pieces(f); i++) {
        struct vault_piece p = vault_piece(f, i);
        vault_data_name(v, p.name, name);
        if (!vault_get(v, name, &bytes, NULL, e)) {
            return false;
        }
        if (bytes.len != p.length) {
            return error_set(e, ERROR_CORRUPT, "object %s has another length", name);
        }
        if (!file_write_at(to, at, bytes, e)) {
            return false;
        }
        at += bytes.len;
    }
    return fsync(to) == 0 || error_errno(e, ERROR_BUSY, "sync");
}

bool vault_fetch_file(struct vault *v, const struct vault_file *f, int folder, mode_t mode,
                      struct error *e)
{
    OWN(arena) struct arena arena = {.max = 4096};
    const char *name = arena_text(&arena, f->name);
    OWN(fd) int to = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (to < 0) {
        return error_errno(e, ERROR_CONFIG, "%s", name);
    }
    if ((fchmod(to, mode) != 0 && error_errno(e, ERROR_CONFIG, "mode")) ||
        !fetch_pieces(v, f, to, e)) {
        (void)unlinkat(folder, name, 0);
        return error_add(e, "%s", name);
    }
    return true;
}

/* ── looking ── */

struct look {
    struct vault *v;
    struct vault_listing there;
    struct vault_seen *seen;
    bool open;
};

/* Fetch it and compare; it fills v->absent. */
static bool opens(struct look *l, struct vault_piece p, const char *name, struct error *e)
{
    uint8_t own[VAULT_NAME_LEN];
    struct slice bytes;

    if (!vault_get(l->v, name, &bytes, NULL, e)) {
        return false;
    }
    vault_own_name(l->v, bytes, own);
    return slice_equal(SLICE_ARRAY(own), p.name) ||
           error_set(e, ERROR_CORRUPT, "object %s is not what was stored", name);
}

/* One answer that is wrong is no reason to remove an object. */
static bool look_at(struct look *l, struct vault_piece p, struct error *e)
{
    char name[STORE_NAME_MAX + 1];

    vault_data_name(l->v, p.name, name);
    const struct vault_entry *found = vault_listed(&l->there, name);
    l->seen->objects++;
    l->seen->bytes += vault_sealed_size(p.length);
    if (!found || found->size != vault_sealed_size(p.length)) {
        l->seen->missing++;
        return true;
    }
    if (!l->open || opens(l, p, name, e)) {
        return true;
    }
    if (!vault_is_damage(l->v, e)) {
        return false;
    }
    if (opens(l, p, name, e)) {
        return true;
    }
    if (!vault_is_damage(l->v, e)) {
        return false;
    }
    return ++l->seen->damaged > REMOVED_MAX ||
           l->v->store.ops->remove(l->v->store.context, slice_text(name), e) ||
           e->kind == ERROR_LIMIT; /* locked: it stays, and is said to be damaged */
}

bool vault_look(struct vault *v, const struct vault_manifest *m, bool open, struct vault_seen *seen,
                struct error *e)
{
    struct look l = {.v = v, .seen = seen, .open = open};
    const struct vault_file *files = m->files.items;

    *seen = (struct vault_seen){0};
    bool ok = vault_list(v, "d-", &l.there, e);
    for (size_t i = 0; i < m->files.count && ok; i++) {
        for (size_t k = 0; k < vault_pieces(&files[i]) && ok; k++) {
            ok = look_at(&l, vault_piece(&files[i], k), e);
        }
    }
    vault_listing_done(&l.there);
    return ok;
}

/* ── from nothing ── */

struct search {
    char names[TRIED_MAX][STORE_NAME_MAX + 1];
    size_t count;
};

static bool collect(void *context, struct slice name, uint64_t size, struct error *e)
{
    struct search *s = context;

    (void)e;
    if (s->count < TRIED_MAX && size <= RECOVERY_MAX && store_is_name(name) &&
        name.len > VAULT_PREFIX_LEN + 2 &&
        slice_starts(slice_from(name, VAULT_PREFIX_LEN), SLICE("r-")) &&
        slice_find(name, '.') == name.len) {
        (void)memcpy(s->names[s->count], name.ptr, name.len);
        s->names[s->count++][name.len] = 0;
    }
    return true;
}

static bool count(void *context, struct slice name, uint64_t size, struct error *e)
{
    (void)name;
    (void)size;
    (void)e;
    *(size_t *)context += 1;
    return true;
}

/* Whether there is a manifest beside this object; `number`: that one. */
static bool has_backup(const struct store *store, const char *name, uint64_t number,
                       struct error *e)
{
    char prefix[STORE_NAME_MAX + 1];
    size_t found = 0;

    (void)snprintf(prefix, sizeof(prefix), "%.*sm-", VAULT_PREFIX_LEN, name);
    if (number) {
        (void)snprintf(prefix, sizeof(prefix), "%.*sm-%010llu-", VAULT_PREFIX_LEN, name,
                       (unsigned long long)number);
    }
    return store->ops->list(store->context, slice_text(prefix), count, &found, e) &&
           (found || error_set(e, ERROR_CORRUPT, "there is no such backup"));
}

/* Whether the objects of this prefix are sealed under that master key. */
static bool is_of(const char *name, const struct secret *master, struct error *e)
{
    OWN(secret) struct secret *key = keyring_derive(master, "backup");
    char prefix[VAULT_PREFIX_LEN + 1];

    vault_prefix(key, prefix);
    return strncmp(name, prefix, VAULT_PREFIX_LEN) == 0 || /* -fanalyzer: a name of struct search */
           error_set(e, ERROR_CORRUPT, "the recovery key opens the key of another vault there");
}

static bool try_one(const struct store *store, const char *name, struct slice typed,
                    uint64_t number, struct secret **key, uint64_t *generation, struct error *e)
{
    OWN(buf) struct buf sealed = {.max = RECOVERY_MAX};

    return has_backup(store, name, number, e) &&
           store->ops->get(store->context, slice_text(name), &sealed, e) &&
           recovery_open_bytes(buf_slice(&sealed), typed, key, generation, e) &&
           is_of(name, *key, e);
}

bool vault_recover(struct store store, struct slice typed, uint64_t number, uint64_t below,
                   struct secret **master, uint64_t *generation, struct error *e)
{
    struct search s = {.count = 0};
    OWN(secret) struct secret *best = NULL;
    uint64_t best_generation = 0;

    if (!store.ops->list(store.context, SLICE_NONE, collect, &s, e)) {
        return false;
    }
    *e = (struct error){.kind = ERROR_CORRUPT, .text = "there is no backup"};
    for (size_t i = 0; i < s.count; i++) {
        OWN(secret) struct secret *key = NULL;
        uint64_t of = 0;
        if (!try_one(&store, s.names[i], typed, number, &key, &of, e)) {
            if (e->kind == ERROR_INPUT) {
                return false; /* nobody's recovery key looks so */
            }
            continue;
        }
        if (of < below && (!best || of > best_generation)) {
            secret_free(best);
            best = TAKE(key, NULL);
            best_generation = of;
        }
    }
    if (!best) {
        return false;
    }
    *master = TAKE(best, NULL);
    *generation = best_generation;
    return true;
}
