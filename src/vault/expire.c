/* What is too old goes: manifests first, and then what no manifest that is left names.
 *
 * Invariants:
 *  1. Nothing goes before the backup just made was opened and is the one that was stored; it stays.
 *  2. What is said not to be there although it is listed ends the run; what does not open is read again. */
#include <stdlib.h>
#include <string.h>

#include "vault/run.h"

#define ARENA_BYTES ((size_t)256 << 20)
#define DAMAGED_MAX 2 /* backups that do not open and go in one run: to bad memory all look so */

/* Own names of the pieces that are needed: VAULT_NAME_LEN bytes each, ascending once it is sorted. */
struct needed {
    struct buf names;
};

/* One answer that is wrong is no reason to remove a backup. */
static bool get_twice(struct vault *v, const char *manifest, struct arena *arena,
                      struct vault_manifest *m, uint8_t *digest, struct error *e)
{
    return vault_get_manifest(v, manifest, arena, m, digest, e) ||
           (vault_is_damage(v, e) && vault_get_manifest(v, manifest, arena, m, digest, e));
}

static bool need_pieces(struct vault *v, const char *manifest, struct needed *n, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    struct vault_manifest m;

    if (!get_twice(v, manifest, &arena, &m, NULL, e)) {
        return false;
    }
    const struct vault_file *files = m.files.items;
    for (size_t i = 0; i < m.files.count; i++) {
        for (size_t k = 0; k < vault_pieces(&files[i]); k++) {
            buf_add(&n->names, vault_piece(&files[i], k).name);
        }
    }
    return true;
}

/* Whether this is the manifest of the backup just made. */
static bool is_made(struct vault *v, const char *manifest, const struct vault_known *made,
                    struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    uint8_t digest[DIGEST_LEN];
    struct vault_manifest m;
    struct vault_name said;

    if (!vault_manifest_name(v, manifest, &said) || said.number != made->number ||
        !get_twice(v, manifest, &arena, &m, digest, e)) {
        return false;
    }
    return memcmp(digest, made->digest, DIGEST_LEN) == 0 ||
           error_set(e, ERROR_BUSY, "another one is listed under its number");
}

/* Find it. It is the only one without which nothing may be removed. */
static bool find_made(struct vault *v, const struct vault_known *made,
                      const struct vault_entry **manifests, size_t count, const char **name,
                      struct error *e)
{
    struct error why = {0};

    for (size_t i = count; i > 0; i--) {
        if (is_made(v, manifests[i - 1]->name, made, &why)) {
            *name = manifests[i - 1]->name;
            return true;
        }
    }
    return error_set(
        e, ERROR_BUSY,
        "the last backup does not come back as it was stored, so nothing was removed: %s",
        why.kind == ERROR_NONE ? "it is not listed" : why.text);
}

/* Whether a data object is one of those. */
static bool is_needed(const struct vault *v, const struct needed *n, const char *name)
{
    uint8_t own[VAULT_NAME_LEN];

    return n->names.len && vault_data_own(v, name, own) &&
           bsearch(own, n->names.ptr, n->names.len / VAULT_NAME_LEN, VAULT_NAME_LEN, vault_by_name);
}

/* What is locked still is asked for again by the next run. */
static bool drop(struct vault *v, const char *name, struct vault_made *made, bool *kept,
                 struct error *e)
{
    *kept = false;
    if (v->store.ops->remove(v->store.context, slice_text(name), e)) {
        made->removed++;
        return true;
    }
    *kept = e->kind == ERROR_LIMIT;
    made->kept += *kept;
    return *kept || error_add(e, "remove an object");
}

/* A data object, or what is left of an object that was not written to its end. */
static bool may_go(const char *name)
{
    size_t len = strlen(name);

    return strncmp(name + VAULT_PREFIX_LEN, "d-", 2) == 0 ||
           (len > 4 && strcmp(name + len - 4, ".new") == 0);
}

static bool drop_unneeded(struct vault *v, const struct needed *n, struct vault_made *made,
                          struct error *e)
{
    OWN(vault_listing) struct vault_listing all = {0};
    bool kept = false;

    if (!vault_list(v, "", &all, e)) {
        return false;
    }
    for (size_t i = 0; i < all.count; i++) {
        const char *name = all.items[i].name;
        if (may_go(name) && !is_needed(v, n, name) && !drop(v, name, made, &kept, e)) {
            return false;
        }
    }
    return true;
}

/* By the clocks of then, which need not go with the numbers. */
static uint64_t earlier(uint64_t at, uint64_t other)
{
    return at && at < other ? at : other;
}

/* One manifest: it stays and what it names is needed, or it goes. The one just made always stays. */
static bool look_at_one(struct vault *v, const char *name, bool newest, uint64_t before,
                        struct needed *needed, struct vault_made *made, bool *goes, struct error *e)
{
    struct vault_name said;

    (void)vault_manifest_name(v, name, &said);
    *goes = !newest && said.at < before;
    if (*goes) {
        return true;
    }
    if (need_pieces(v, name, needed, e)) {
        made->oldest_at = earlier(made->oldest_at, said.at);
        return true;
    }
    if (newest || !vault_is_damage(v, e)) {
        return false;
    }
    *goes = true;
    return ++made->damaged <= DAMAGED_MAX ||
           error_set(e, ERROR_BUSY,
                     "more than %d backups do not open, so nothing was removed: look at this "
                     "machine's memory and at the target",
                     DAMAGED_MAX);
}

/* Look at all, from the newest on; those that go are left in the list. */
static bool choose(struct vault *v, uint64_t before, const struct vault_entry **manifests,
                   size_t count, struct needed *needed, struct vault_made *made, struct error *e)
{
    const char *newest = NULL;

    if (!find_made(v, &made->backup, manifests, count, &newest, e)) {
        return false;
    }
    for (size_t i = count; i > 0; i--) {
        const char *name = manifests[i - 1]->name;
        bool goes = false;
        if (!look_at_one(v, name, name == newest, before, needed, made, &goes, e)) {
            return false;
        }
        manifests[i - 1] = goes ? manifests[i - 1] : NULL;
        if (needed->names.len > needed->names.max / 2) {
            vault_names_sort(&needed->names);
        }
    }
    vault_names_sort(&needed->names);
    return !needed->names.full || error_set(e, ERROR_LIMIT, "the backups hold too many objects");
}

/* Remove those that are in the list. */
static bool drop_manifests(struct vault *v, const struct vault_entry **manifests, size_t count,
                           struct vault_made *made, struct error *e)
{
    for (size_t i = count; i > 0; i--) {
        struct vault_name said;
        bool kept = false;
        if (!manifests[i - 1]) {
            continue;
        }
        (void)vault_manifest_name(v, manifests[i - 1]->name, &said);
        if (!drop(v, manifests[i - 1]->name, made, &kept, e)) {
            return false;
        }
        made->oldest_at = kept ? earlier(made->oldest_at, said.at) : made->oldest_at;
    }
    return true;
}

bool vault_expire(struct vault *v, uint64_t before, struct vault_made *made, struct error *e)
{
    OWN(vault_listing) struct vault_listing there = {0};
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    struct needed needed = {.names = {.max = (size_t)512 << 20}};
    size_t count = 0;

    made->removed = made->kept = made->damaged = made->oldest_at = 0;
    if (!vault_list(v, "m-", &there, e)) {
        return false;
    }
    const struct vault_entry **manifests = vault_manifests(v, &there, &arena, &count);
    bool done = choose(v, before, manifests, count, &needed, made, e) &&
                drop_manifests(v, manifests, count, made, e) && drop_unneeded(v, &needed, made, e);
    buf_done(&needed.names);
    return done;
}

/* ── a vault that is no longer used ── */

/* The time of the oldest backup that is listed; 0: there is none. */
static uint64_t oldest_listed(const struct vault *v, const struct vault_listing *l)
{
    struct vault_name said;
    uint64_t oldest = 0;

    for (size_t i = 0; i < l->count; i++) {
        if (vault_manifest_name(v, l->items[i].name, &said) && (!oldest || said.at < oldest)) {
            oldest = said.at;
        }
    }
    return oldest;
}

/* Manifests first: what stands without one is found again by the next run. */
static bool drop_all(struct vault *v, const struct vault_listing *l, struct vault_made *made,
                     struct error *e)
{
    for (int manifests = 1; manifests >= 0; manifests--) {
        for (size_t i = 0; i < l->count; i++) {
            struct vault_name ignored;
            bool is = vault_manifest_name(v, l->items[i].name, &ignored);
            bool kept = false;
            if (is == manifests && !drop(v, l->items[i].name, made, &kept, e)) {
                return false;
            }
        }
    }
    return true;
}

static bool expire_former(struct vault *v, const struct vault_former *f, uint64_t before,
                          struct vault_made *made, bool *ended, struct error *e)
{
    OWN(vault_listing) struct vault_listing there = {0};

    if (!vault_list(v, "", &there, e)) {
        return false;
    }
    uint64_t oldest = oldest_listed(v, &there);
    made->oldest_at = oldest;
    if (f->last_at < before) {
        bool ok = drop_all(v, &there, made, e);
        *ended = ok && made->kept == 0;
        made->oldest_at = *ended ? 0 : made->oldest_at;
        return ok;
    }
    /* That nothing is listed is no reason to forget it: a folder may not be mounted. */
    made->backup = f->last;
    if (there.count == 0 || !f->key || vault_expire(v, before, made, e)) {
        return true;
    }
    made->oldest_at = oldest; /* what was to go may be there still */
    return false;
}

bool vault_expire_former(struct vault *v, const struct vault_former *f, uint64_t before,
                         struct vault_made *made, bool *ended, struct error *e)
{
    struct vault former = {.store = v->store};
    struct vault_made of_it = {0};

    if (f->key) {
        vault_init(&former, v->store, f->key);
    } else if (f->prefix.len == VAULT_PREFIX_LEN) {
        (void)memcpy(former.prefix, f->prefix.ptr, VAULT_PREFIX_LEN);
    }
    *ended = false;
    /* Whoever says what is to be removed does not say that it is what is needed. */
    bool ok = f->prefix.len == VAULT_PREFIX_LEN && f->prefix.ptr[VAULT_PREFIX_LEN - 1] == '-' &&
                      slice_equal(f->prefix, slice_text(former.prefix)) &&
                      !slice_equal(f->prefix, slice_text(v->prefix))
                  ? expire_former(&former, f, before, &of_it, ended, e)
                  : error_set(e, ERROR_INPUT, "this is no former vault");
    vault_done(&former);
    made->removed += of_it.removed;
    made->damaged += of_it.damaged;
    made->kept += of_it.kept;
    if (of_it.oldest_at) {
        made->oldest_at = earlier(made->oldest_at, of_it.oldest_at);
    }
    return ok || error_add(e, "backups from before a rotation of the master key (%.*s*)",
                           SLICE_ARG(f->prefix));
}
