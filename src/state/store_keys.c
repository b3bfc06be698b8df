/* Which key a store is sealed under, and how it comes under another: invariant 7 of store.c. */
#include "keyring/former.h"
#include "state/rows.h"

bool store_take_keys(struct store *s, const struct secret *from)
{
    static const uint8_t no_id[STORE_ID_LEN];
    struct error unused;

    secret_free(s->key);
    secret_free(s->names);
    s->key = keyring_derive(from, "state/values");
    s->names = keyring_derive(from, "state/names");
    OWN(buf) struct buf kept = {.max = KEYRING_KEY_LEN};
    sqlite3_stmt *q = store_bind(s, GET, STORE_NAMES, no_id);
    bool there = sqlite3_step(q) == SQLITE_ROW;
    bool ok = !there || store_unseal(s, STORE_NAMES, no_id, q, &kept, &unused);
    store_unbind(q);
    if (ok && kept.len == KEYRING_KEY_LEN) {
        (void)memcpy(s->names->ptr, kept.ptr, KEYRING_KEY_LEN);
        explicit_bzero(kept.ptr, kept.len);
    }
    return ok;
}

/* Whether the store is sealed under the key that follows from this one. */
static bool is_key(struct store *s, const struct secret *from)
{
    OWN(buf) struct buf plain;
    bool found = false;
    struct error unused;
    buf_init(&plain, STORE_VALUE_MAX);
    return store_take_keys(s, from) &&
           store_get_row(s, STORE_CHECK, STORE_CHECK_NAME, &plain, &found, &unused) && found;
}

/* Seal the row behind (kind, id) under another key, and move on to it; *more is false behind the last. */
static bool renew_next(struct store *s, const struct secret *key, enum store_kind *kind,
                       uint8_t id[static STORE_ID_LEN], bool *more, struct error *e)
{
    OWN(buf) struct buf plain;
    buf_init(&plain, STORE_VALUE_MAX);
    sqlite3_stmt *q = store_bind(s, WALK, *kind, id);
    int step = sqlite3_step(q);
    bool ok = step == SQLITE_DONE;
    *more = step == SQLITE_ROW;
    if (step == SQLITE_ROW && sqlite3_column_bytes(q, 1) == STORE_ID_LEN) {
        (void)memcpy(id, sqlite3_column_blob(q, 1), STORE_ID_LEN);
        *kind = (enum store_kind)sqlite3_column_int(q, 2);
        ok = store_unseal(s, *kind, id, q, &plain, e);
    } else if (!ok) {
        (void)store_failed(s, e, "read");
    }
    store_unbind(q);
    return ok && (!*more || store_seal(s, key, *kind, id, buf_slice(&plain), e));
}

/* Within a transaction: all rows, and the key of the names. */
static bool renew_rows(struct store *s, const struct secret *key, struct error *e)
{
    static const uint8_t no_id[STORE_ID_LEN];
    uint8_t id[STORE_ID_LEN] = {0};
    enum store_kind kind = (enum store_kind)0;
    bool more = true;

    while (more) {
        if (!renew_next(s, key, &kind, id, &more, e)) {
            return false;
        }
    }
    return store_seal(s, key, STORE_NAMES, no_id, secret_slice(s->names), e);
}

static bool renew(struct store *s, const struct secret *key, struct error *e)
{
    OWN(secret) struct secret *values = keyring_derive(key, "state/values");

    if (!store_run(s, "BEGIN IMMEDIATE", e)) {
        return false;
    }
    if (!renew_rows(s, values, e)) {
        struct error unused;
        (void)!store_run(s, "ROLLBACK", &unused);
        return false;
    }
    return store_run(s, "COMMIT", e) &&
           (store_take_keys(s, key) ||
            error_set(e, ERROR_BUSY, "state: sealed anew, and does not open"));
}

bool store_find_key(struct store *s, const struct secret *key, struct error *e)
{
    const struct secret *former = NULL;

    if (is_key(s, key)) {
        return true;
    }
    for (size_t n = 0; (former = keyring_former(key, n)); n++) {
        if (is_key(s, former)) {
            return renew(s, key, e);
        }
    }
    return error_set(e, ERROR_CONFIG, "state: the store was sealed under another master key");
}
