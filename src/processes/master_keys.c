#include "processes/master_keys.h"

#include <assert.h>

#include "base/log.h"

#include "host/ask.h"
#include "keyring/keyring.h"
#include "keyring/recovery.h"

#define LOCK_WAIT_MS 5000 /* for `postern key`, which may be waiting for a person */

static bool ask(void *context, const char *question, struct secret **answer, struct error *e)
{
    return ask_secret(context, question, answer, e);
}

/* A rotation that a crash interrupted before the new key was in force needs both lists of former keys: the recovery
 * key opens the new one already. */
static bool tidy_lists(int data, struct master_keys *k, struct error *e)
{
    uint64_t generation = 0;
    struct error why;

    secret_free(TAKE(k->master.opened_by, NULL));
    if (!recovery_look(data, "recovery.sealed", &generation, &why)) {
        log_event(LOG_WARNING, "key.no_recovery", LOG_TEXT("reason", why.text));
        return true;
    }
    if (generation != k->master.generation) {
        log_event(LOG_WARNING, "key.rotation_unfinished",
                  LOG_TEXT("reason", "`postern key rotate` was interrupted: run it again"));
        return true;
    }
    return master_list_tidy(data, k->master.key, e);
}

bool master_keys_open(int data, int passphrase_fd, struct master_keys *k, struct error *e)
{
    OWN(fd) int fd = passphrase_fd;
    struct ask_way way = {fd, MASTER_CREDENTIAL};
    const struct master_asker asker = {ask, &way};
    OWN(fd) int lock = -1;

    /* A rotation under way has files that would pass for what a crash left. */
    return master_lock(data, LOCK_WAIT_MS, &lock, e) &&
           master_open(data, "master.key", &asker, &k->master, e) &&
           master_tidy(data, "master.key", e) &&
           master_list_read(data, &k->master, &k->former, e) && tidy_lists(data, k, e);
}

static bool is_listed(const struct master_list *l, const struct master *m)
{
    bool listed = false;

    for (size_t i = 0; i < l->count; i++) {
        listed = listed || (l->former[i].generation == m->generation &&
                            secret_equal(secret_slice(l->former[i].key), secret_slice(m->key)));
    }
    return listed;
}

bool master_keys_adopt(int data, struct master_keys *k, struct slice key, bool *fresh,
                       struct error *e)
{
    OWN(master) struct master next = {0};
    OWN(master_list) struct master_list former = {0};

    if (key.len != KEYRING_KEY_LEN || !master_look(data, "master.key", &next, e)) {
        return key.len == KEYRING_KEY_LEN ? false : error_set(e, ERROR_INPUT, "a key has 32 bytes");
    }
    *fresh = next.generation != k->master.generation;
    if (!*fresh) {
        return secret_equal(key, secret_slice(k->master.key)) ||
               error_set(e, ERROR_DENIED, "that is not the key of master.key");
    }
    next.key = secret_copy(key);
    if (!master_list_read(data, &next, &former, e) || !is_listed(&former, &k->master)) {
        return error_set(
            e, ERROR_DENIED,
            "that is not the key of master.key, or the one in force is not among those "
            "before it: restart posternd");
    }
    const struct master before = k->master; /* they change places, and the old ones are wiped */
    const struct master_list list = k->former;
    k->master = next;
    k->former = former;
    next = before;
    former = list;
    return true;
}

static_assert(ROLE_KEYS_MAX * (MASTER_FORMER_MAX + 1) <= CONTROL_KEYS_MAX, "all keys of a role");

static void add_gift(struct key_gifts *g, const struct secret *master, const char *label)
{
    struct secret *key = keyring_derive(master, label);

    g->derived[g->count] = key;
    g->keys[g->count++] = (struct control_key){slice_text(label), secret_slice(key)};
}

void key_gifts_derive(const struct master_keys *m, const struct role_row *row, struct key_gifts *g)
{
    for (size_t k = 0; k < ROLE_KEYS_MAX && row->keys[k]; k++) {
        add_gift(g, m->master.key, row->keys[k]);
        for (size_t i = m->former.count; i > 0; i--) {
            add_gift(g, m->former.former[i - 1].key, row->keys[k]);
        }
    }
}

void key_gifts_wipe(struct key_gifts *g)
{
    for (size_t i = 0; i < g->count; i++) {
        secret_free(g->derived[i]);
    }
    g->count = 0;
}
