/* Invariants of the file:
 *  1. A value is sealed with its row's kind and id as associated data: rows cannot be swapped,
 *     moved or taken from another store.
 *  2. A row's id is a keyed hash of its name: the file tells neither addresses nor domains.
 *  3. Every change is one transaction with synchronous=FULL: after a crash the file holds the old
 *     value or the new one, and a change that was reported as done is there.
 *  4. secure_delete overwrites what is replaced or removed; the rollback journal that held it is
 *     truncated at the end of the transaction.
 *  5. user_version is the format; a newer one is not touched.
 *  6. The lock is taken once and kept: nobody else reads or writes the file while it is open, so a
 *     value is read without asking the file system whether somebody has.
 *  7. A store of a former key (keyring/former) is sealed anew in one transaction when it is opened. The names'
 *     hashes stay as they are, since the names are not kept: their key is then a value of its own.
 *
 * | on disk                      | what opening does                                 |
 * |------------------------------|---------------------------------------------------|
 * | no file, or an empty one     | makes the table and the check row in one step     |
 * | file with a journal beside it| SQLite rolls the unfinished transaction back      |
 * | check row of a former key    | seals everything under the present one            |
 * | check row that will not open | refuses: another key, nothing is changed          | */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"

#include "keyring/digest.h"
#include "keyring/keyring.h"
#include "state/recall.h"
#include "state/rows.h"

#define APPLICATION_ID 0x50535401 /* "PST", 1 */
#define BACKUP_PAGES   64         /* copied at a time, so that others are not kept waiting */
#define BUSY_MS        5000       /* for a reader with the sqlite3 tool, when we open it */
#define CHECK_VALUE    SLICE("postern state")

static const char *const statement_texts[N_STATEMENTS] = {
    [GET] = "SELECT value FROM sealed WHERE kind = ?1 AND id = ?2",
    [PUT] = "REPLACE INTO sealed (kind, id, value) VALUES (?1, ?2, ?3)",
    [DELETE] = "DELETE FROM sealed WHERE kind = ?1 AND id = ?2",
    [NEXT] = "SELECT value, id FROM sealed WHERE kind = ?1 AND id > ?2 ORDER BY id LIMIT 1",
    [WALK] =
        "SELECT value, id, kind FROM sealed WHERE (kind, id) > (?1, ?2) ORDER BY kind, id LIMIT 1",
};

bool store_failed(struct store *s, struct error *e, const char *doing)
{
    int code = sqlite3_errcode(s->db);
    enum error_kind kind =
        code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? ERROR_CORRUPT : ERROR_BUSY;
    return error_set(e, kind, "state: %s: %s", doing, sqlite3_errmsg(s->db));
}

bool store_run(struct store *s, const char *sql, struct error *e)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? true : store_failed(s, e, sql);
}

static bool ask_number(struct store *s, const char *sql, int64_t *number, struct error *e)
{
    sqlite3_stmt *q = NULL;
    bool ok =
        sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW;
    if (ok) {
        *number = sqlite3_column_int64(q, 0);
    } else {
        (void)store_failed(s, e, sql);
    }
    (void)sqlite3_finalize(q);
    return ok;
}

/* Names and seals */

static void make_id(const struct store *s, enum store_kind kind, struct slice name,
                    uint8_t id[static STORE_ID_LEN])
{
    OWN(buf) struct buf text;
    buf_init(&text, name.len + 1);
    buf_add_byte(&text, (uint8_t)kind);
    buf_add(&text, name);
    digest_hmac(secret_slice(s->names), buf_slice(&text), id);
}

struct slice store_context(enum store_kind kind, const uint8_t id[static STORE_ID_LEN],
                           uint8_t room[static STORE_CONTEXT_MAX])
{
    static const char prefix[] = "state/v1/";
    size_t len = sizeof(prefix) - 1;
    memcpy(room, prefix, len);
    room[len++] = (uint8_t)kind;
    memcpy(room + len, id, STORE_ID_LEN);
    return slice_of(room, len + STORE_ID_LEN);
}

bool store_unseal(struct store *s, enum store_kind kind, const uint8_t id[static STORE_ID_LEN],
                  sqlite3_stmt *row, struct buf *plain, struct error *e)
{
    uint8_t room[STORE_CONTEXT_MAX];
    struct slice sealed =
        slice_of(sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0));
    return keyring_open(s->key, store_context(kind, id, room), sealed, plain, e)
               ? true
               : error_add(e, "state");
}

/* Rows; the caller holds the lock */

sqlite3_stmt *store_bind(struct store *s, enum statement which, enum store_kind kind,
                         const uint8_t id[static STORE_ID_LEN])
{
    sqlite3_stmt *q = s->statements[which];
    (void)sqlite3_bind_int(q, 1, (int)kind);
    (void)sqlite3_bind_blob(q, 2, id, STORE_ID_LEN, SQLITE_STATIC);
    return q;
}

void store_unbind(sqlite3_stmt *q)
{
    (void)sqlite3_reset(q);
    (void)sqlite3_clear_bindings(q);
}

bool store_seal(struct store *s, const struct secret *key, enum store_kind kind,
                const uint8_t id[static STORE_ID_LEN], struct slice plain, struct error *e)
{
    uint8_t room[STORE_CONTEXT_MAX];
    OWN(buf) struct buf sealed;

    buf_init(&sealed, plain.len + KEYRING_SEAL_OVERHEAD);
    keyring_seal(key, store_context(kind, id, room), plain, &sealed);
    sqlite3_stmt *q = store_bind(s, PUT, kind, id);
    (void)sqlite3_bind_blob(q, 3, sealed.ptr, (int)sealed.len, SQLITE_STATIC);
    bool ok = sqlite3_step(q) == SQLITE_DONE ? true : store_failed(s, e, "write");
    store_unbind(q);
    return ok;
}

static bool put_row(struct store *s, enum store_kind kind, struct slice name, struct slice plain,
                    struct error *e)
{
    uint8_t id[STORE_ID_LEN];
    if (plain.len > STORE_VALUE_MAX) {
        return error_set(e, ERROR_LIMIT, "state: a value of %zu bytes", plain.len);
    }
    make_id(s, kind, name, id);
    return store_seal(s, s->key, kind, id, plain, e);
}

bool store_get_row(struct store *s, enum store_kind kind, struct slice name, struct buf *plain,
                   bool *found, struct error *e)
{
    uint8_t id[STORE_ID_LEN];
    make_id(s, kind, name, id);
    sqlite3_stmt *q = store_bind(s, GET, kind, id);
    int step = sqlite3_step(q);
    bool ok = step == SQLITE_ROW    ? store_unseal(s, kind, id, q, plain, e)
              : step == SQLITE_DONE ? true
                                    : store_failed(s, e, "read");
    store_unbind(q);
    if (ok) {
        *found = step == SQLITE_ROW;
    }
    return ok;
}

/* Opening */

/* Make sure that there is a file which we alone may read: SQLite would ask the umask. */
static bool touch(const char *path, int flags, struct error *e)
{
    OWN(fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (fd < 0) {
        return error_errno(e, errno == ENOSPC ? ERROR_BUSY : ERROR_CONFIG, "state: open %s", path);
    }
    return true;
}

static bool open_file(const char *path, sqlite3 **db, struct error *e)
{
    int code = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) {
        return error_set(e, ERROR_BUSY, "state: open %s: %s", path, sqlite3_errstr(code));
    }
    (void)sqlite3_busy_timeout(*db, BUSY_MS);
    return true;
}

static bool make_table(struct store *s, struct error *e)
{
    char sql[400];
    (void)snprintf(sql, sizeof(sql),
                   "CREATE TABLE sealed (kind INTEGER NOT NULL, id BLOB NOT NULL,"
                   " value BLOB NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID, STRICT;"
                   "PRAGMA application_id = %d; PRAGMA user_version = %d;",
                   APPLICATION_ID, STATE_FORMAT_VERSION);
    return store_run(s, sql, e);
}

static bool check_format(struct store *s, bool *empty, struct error *e)
{
    int64_t tables = 0;
    int64_t application = 0;
    int64_t version = 0;
    if (!ask_number(s, "SELECT count(*) FROM sqlite_schema", &tables, e) ||
        !ask_number(s, "PRAGMA application_id", &application, e) ||
        !ask_number(s, "PRAGMA user_version", &version, e)) {
        return false;
    }
    *empty = tables == 0 && application == 0 && version == 0;
    if (!*empty && application != APPLICATION_ID) {
        return error_set(e, ERROR_CORRUPT, "state: the file is no state store");
    }
    if (version > STATE_FORMAT_VERSION) {
        return error_set(e, ERROR_CONFIG,
                         "state: format %lld was written by a newer Postern; this one knows %d",
                         (long long)version, STATE_FORMAT_VERSION);
    }
    return true;
}

static bool prepare(struct store *s, struct error *e)
{
    for (size_t i = 0; i < N_STATEMENTS; i++) {
        if (sqlite3_prepare_v3(s->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &s->statements[i], NULL) != SQLITE_OK) {
            return store_failed(s, e, "prepare");
        }
    }
    return true;
}

static bool set_up(struct store *s, const struct secret *key, struct error *e)
{
    bool empty = false;
    if (!store_run(
            s,
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = TRUNCATE;"
            "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;"
            "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;",
            e) ||
        !check_format(s, &empty, e)) {
        return false;
    }
    if (!empty) {
        return prepare(s, e) && store_find_key(s, key, e);
    }
    return store_run(s, "BEGIN IMMEDIATE", e) && make_table(s, e) && prepare(s, e) &&
           store_take_keys(s, key) && put_row(s, STORE_CHECK, STORE_CHECK_NAME, CHECK_VALUE, e) &&
           store_run(s, "COMMIT", e);
}

bool store_open(const char *path, const struct secret *key, struct store **out, struct error *e)
{
    if (!touch(path, 0, e)) {
        return false;
    }
    struct store *s = calloc(1, sizeof(*s));
    if (!s) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&s->lock, NULL);
    s->recall = recall_new();
    if (!open_file(path, &s->db, e) || !set_up(s, key, e)) {
        store_close(s);
        return false;
    }
    *out = s;
    return true;
}

void store_close(struct store *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < N_STATEMENTS; i++) {
        (void)sqlite3_finalize(s->statements[i]);
    }
    (void)sqlite3_close(s->db);
    secret_free(s->key);
    secret_free(s->names);
    recall_free(s->recall);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Verbs */

/* Accounts and levels are asked for with every letter, factors with every sign-in, and what is secret in these auth has
 * sealed once more; other values may be secrets. */
static bool is_recalled(enum store_kind kind)
{
    return kind == STORE_ACCOUNT || kind == STORE_LEVEL || kind == STORE_FACTORS;
}

static bool get(struct store *s, enum store_kind kind, struct slice name, struct buf *plain,
                bool *found, struct error *e)
{
    size_t before = plain->len;

    if (is_recalled(kind) && recall_get(s->recall, kind, name, plain, found)) {
        return true;
    }
    if (!store_get_row(s, kind, name, plain, found, e)) {
        return false;
    }
    if (is_recalled(kind)) {
        recall_keep(s->recall, kind, name, *found, slice_from(buf_slice(plain), before));
    }
    return true;
}

bool store_get(struct store *s, enum store_kind kind, struct slice name, struct buf *plain,
               bool *found, struct error *e)
{
    (void)pthread_mutex_lock(&s->lock);
    bool ok = get(s, kind, name, plain, found, e);
    (void)pthread_mutex_unlock(&s->lock);
    return ok;
}

bool store_put(struct store *s, enum store_kind kind, struct slice name, struct slice plain,
               struct error *e)
{
    (void)pthread_mutex_lock(&s->lock);
    recall_forget(s->recall, kind, name);
    bool ok = put_row(s, kind, name, plain, e);
    (void)pthread_mutex_unlock(&s->lock);
    return ok;
}

static bool put_all(struct store *s, enum store_kind kind, const struct slice *names,
                    const struct slice *plains, size_t n, struct error *e)
{
    struct error ignored;
    bool ok = store_run(s, "BEGIN IMMEDIATE", e);

    for (size_t i = 0; ok && i < n; i++) {
        recall_forget(s->recall, kind, names[i]);
        ok = put_row(s, kind, names[i], plains[i], e);
    }
    ok = ok && store_run(s, "COMMIT", e);
    if (!ok) {
        (void)!store_run(s, "ROLLBACK", &ignored);
    }
    return ok;
}

bool store_put_many(struct store *s, enum store_kind kind, const struct slice *names,
                    const struct slice *plains, size_t n, struct error *e)
{
    (void)pthread_mutex_lock(&s->lock);
    bool ok = put_all(s, kind, names, plains, n, e);
    (void)pthread_mutex_unlock(&s->lock);
    return ok;
}

bool store_replace(struct store *s, enum store_kind kind, struct slice name, struct slice was,
                   struct slice plain, bool *did, struct error *e)
{
    OWN(buf) struct buf now = {.max = STORE_VALUE_MAX};
    bool found = false;

    (void)pthread_mutex_lock(&s->lock);
    bool ok = store_get_row(s, kind, name, &now, &found, e);
    bool same = ok && found && slice_equal(buf_slice(&now), was);
    if (same) {
        recall_forget(s->recall, kind, name);
    }
    ok = ok && (!same || put_row(s, kind, name, plain, e));
    (void)pthread_mutex_unlock(&s->lock);
    *did = ok && same;
    return ok;
}

bool store_delete(struct store *s, enum store_kind kind, struct slice name, bool *found,
                  struct error *e)
{
    uint8_t id[STORE_ID_LEN];
    make_id(s, kind, name, id);
    (void)pthread_mutex_lock(&s->lock);
    recall_forget(s->recall, kind, name);
    sqlite3_stmt *q = store_bind(s, DELETE, kind, id);
    bool ok = sqlite3_step(q) == SQLITE_DONE ? true : store_failed(s, e, "delete");
    if (ok) {
        *found = sqlite3_changes(s->db) > 0;
    }
    store_unbind(q);
    (void)pthread_mutex_unlock(&s->lock);
    return ok;
}

bool store_next(struct store *s, enum store_kind kind, uint8_t id[static STORE_ID_LEN],
                struct buf *plain, bool *found, struct error *e)
{
    uint8_t next[STORE_ID_LEN] = {0};
    (void)pthread_mutex_lock(&s->lock);
    sqlite3_stmt *q = store_bind(s, NEXT, kind, id);
    int step = sqlite3_step(q);
    bool ok = step == SQLITE_DONE;
    if (step == SQLITE_ROW && sqlite3_column_bytes(q, 1) == STORE_ID_LEN) {
        memcpy(next, sqlite3_column_blob(q, 1), STORE_ID_LEN);
        ok = store_unseal(s, kind, next, q, plain, e);
    } else if (!ok) {
        (void)store_failed(s, e, "read");
    }
    store_unbind(q);
    (void)pthread_mutex_unlock(&s->lock);
    if (ok) {
        *found = step == SQLITE_ROW;
        memcpy(id, next, STORE_ID_LEN);
    }
    return ok;
}

/* What others write through this connection in between goes into the copy too. */
static int copy_pages(struct store *s, sqlite3 *copy)
{
    (void)pthread_mutex_lock(&s->lock);
    sqlite3_backup *backup = sqlite3_backup_init(copy, "main", s->db, "main");
    (void)pthread_mutex_unlock(&s->lock);
    if (!backup) {
        return sqlite3_errcode(copy);
    }
    int step;
    do {
        (void)pthread_mutex_lock(&s->lock);
        step = sqlite3_backup_step(backup, BACKUP_PAGES);
        (void)pthread_mutex_unlock(&s->lock);
    } while (step == SQLITE_OK);
    (void)pthread_mutex_lock(&s->lock);
    int end = sqlite3_backup_finish(backup);
    (void)pthread_mutex_unlock(&s->lock);
    return step == SQLITE_DONE ? end : step;
}

bool store_backup(struct store *s, const char *path, struct error *e)
{
    sqlite3 *copy = NULL;
    if (!touch(path, O_EXCL, e)) {
        return false;
    }
    bool ok = open_file(path, &copy, e);
    if (ok) {
        int code = copy_pages(s, copy);
        ok = code == SQLITE_OK
                 ? true
                 : error_set(e, ERROR_BUSY, "state: back up to %s: %s", path, sqlite3_errstr(code));
    }
    (void)sqlite3_close(copy);
    if (!ok) {
        (void)unlink(path);
    }
    return ok;
}
