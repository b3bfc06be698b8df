#include <fcntl.h>
#include <unistd.h>

#include "search/internal.h"

#define APPLICATION_ID  0x5053524e /* "PSRN" in the header of the file */
#define BUSY_TIMEOUT_MS 10000
#define FORMATS_MAX     1000 /* a larger number is damage */

const char *const search_columns[TEXT_FIELDS] = {
    [0] = "marks",          [TEXT_SUBJECT] = "subject", [TEXT_BODY] = "body",
    [TEXT_NAMES] = "names", [TEXT_FROM] = "sender",     [TEXT_TO] = "receiver",
    [TEXT_CC] = "copied",
};

/* columnsize=0: sizes of columns serve a kind of ranking that is not used here. `day` says which seqs a
 * day's letters have, so that a search between two dates reads no others. */
static const char schema[] =
    "CREATE TABLE meta("
    " one INTEGER PRIMARY KEY CHECK(one = 1), key_check BLOB NOT NULL,"
    " position INTEGER NOT NULL, letters INTEGER NOT NULL, partly INTEGER NOT NULL,"
    " unread INTEGER NOT NULL);"
    "CREATE TABLE letter("
    " seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, size INTEGER NOT NULL, reading INTEGER NOT "
    "NULL);"
    "CREATE TABLE day(day INTEGER PRIMARY KEY, low INTEGER NOT NULL, high INTEGER NOT NULL);"
    "CREATE VIRTUAL TABLE words USING fts5("
    " subject, body, names, sender, receiver, copied, marks, content='', columnsize=0, "
    "tokenize='keyed');"
    /* A leaf fits into a page beside its seal (pages.c), without a page of overflow. */
    "INSERT INTO words(words, rank) VALUES('pgsz', 4008);";

static enum error_kind kind_of(int rc)
{
    if (pages_damaged()) {
        return ERROR_CORRUPT;
    }
    switch (rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* a table is missing or not what it was */
        return ERROR_CORRUPT;
    default:
        return ERROR_BUSY;
    }
}

bool search_db_error(sqlite3 *db, struct error *e, const char *doing)
{
    return error_set(e, kind_of(sqlite3_extended_errcode(db)), "search index: %s: %s", doing,
                     sqlite3_errmsg(db));
}

bool search_db_run(sqlite3 *db, const char *sql, struct error *e)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ||
           search_db_error(db, e, "cannot set up or write");
}

bool search_db_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **statement, struct error *e)
{
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) ==
               SQLITE_OK ||
           search_db_error(db, e, "cannot read the tables");
}

void search_db_close(sqlite3 *db)
{
    (void)sqlite3_close_v2(db);
}

OWN_BY(db, sqlite3, search_db_close)

static bool get_number(sqlite3 *db, const char *sql, int64_t *value, struct error *e)
{
    OWN(statement) sqlite3_stmt *s = NULL;

    if (!search_db_prepare(db, sql, &s, e)) {
        return false;
    }
    if (sqlite3_step(s) != SQLITE_ROW) {
        return search_db_error(db, e, "cannot read");
    }
    *value = sqlite3_column_int64(s, 0);
    return true;
}

static bool make_tables(sqlite3 *db, const struct token_keys *keys, struct error *e)
{
    OWN(statement) sqlite3_stmt *s = NULL;
    uint8_t check[CHECK_LEN];
    char versions[128];

    (void)sqlite3_snprintf(sizeof(versions), versions,
                           "PRAGMA application_id = %d; PRAGMA user_version = %d;", APPLICATION_ID,
                           SEARCH_FORMAT_VERSION);
    if (!search_db_run(db, "BEGIN IMMEDIATE", e) || !search_db_run(db, schema, e) ||
        !search_db_prepare(db, "INSERT INTO meta VALUES(1, ?1, 0, 0, 0, 0)", &s, e)) {
        return false;
    }
    token_check(keys, check);
    (void)sqlite3_bind_blob(s, 1, check, CHECK_LEN, SQLITE_STATIC);
    if (sqlite3_step(s) != SQLITE_DONE) {
        return search_db_error(db, e, "cannot write");
    }
    return search_db_run(db, versions, e) && search_db_run(db, "COMMIT", e);
}

static bool is_of_key(sqlite3 *db, const struct token_keys *keys, struct error *e)
{
    OWN(statement) sqlite3_stmt *s = NULL;
    uint8_t check[CHECK_LEN];

    if (!search_db_prepare(db, "SELECT key_check FROM meta", &s, e)) {
        return false;
    }
    if (sqlite3_step(s) != SQLITE_ROW) {
        return error_set(e, ERROR_CORRUPT, "search index: its head is missing");
    }
    token_check(keys, check);
    struct slice stored = slice_of(sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0));
    return secret_equal(stored, SLICE_ARRAY(check)) ||
           error_set(e, ERROR_CONFIG,
                     "search index: it was made with another key; remove it, and "
                     "it is made anew");
}

static bool is_format(int64_t version, bool writer, struct error *e)
{
    if (version < SEARCH_FORMAT_VERSION) {
        return error_set(e, writer ? ERROR_CORRUPT : ERROR_BUSY,
                         "search index: it has an older format and is made anew");
    }
    return version == SEARCH_FORMAT_VERSION ||
           error_set(e, ERROR_CONFIG,
                     "search index: it has format %lld and this program reads format %d; "
                     "remove it, and it is made anew",
                     (long long)version, SEARCH_FORMAT_VERSION);
}

bool search_db_check(sqlite3 *db, const struct token_keys *keys, bool writer, struct error *e)
{
    int64_t application = 0;
    int64_t version = 0;

    if (!get_number(db, "PRAGMA application_id", &application, e) ||
        !get_number(db, "PRAGMA user_version", &version, e)) {
        return false;
    }
    if (application == 0 && version == 0) {
        return writer ? make_tables(db, keys, e)
                      : error_set(e, ERROR_BUSY, "search index: not made yet");
    }
    if (application != APPLICATION_ID) {
        return error_set(e, ERROR_CORRUPT, "search index: the file is something else");
    }
    return is_format(version, writer, e) && is_of_key(db, keys, e);
}

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Whether a program with another format wrote the file, which may seal it in another way: that is no damage.
 * The head of a SQLite file has user_version at 60 and application_id at 68. */
static bool is_of_another_format(const char *path, bool writer, struct error *e)
{
    OWN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t head[72];

    if (fd < 0 || read(fd, head, sizeof(head)) != (ssize_t)sizeof(head) ||
        big_endian(head + 68) != APPLICATION_ID) {
        return false;
    }
    uint32_t version = big_endian(head + 60);
    if (version == 0 || version == SEARCH_FORMAT_VERSION || version > FORMATS_MAX) {
        return false;
    }
    return !is_format(version, writer, e);
}

bool search_db_begin_reading(sqlite3 *db, struct error *e)
{
    return sqlite_begin_reading(db, BUSY_TIMEOUT_MS) ||
           search_db_error(db, e, "cannot begin to read");
}

bool search_db_open(const char *path, enum search_db_use use, const struct token_keys *keys,
                    sqlite3 **db, struct error *e)
{
    static const char common[] = "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;";
    static const char writing[] = "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA "
                                  "synchronous = NORMAL; PRAGMA cache_size = -8192;"
                                  "PRAGMA journal_size_limit = 67108864;";
    bool writer = use != SEARCH_DB_READ;
    bool maker = use == SEARCH_DB_WRITE || use == SEARCH_DB_ANEW;
    int flags =
        (writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | (maker ? SQLITE_OPEN_CREATE : 0);
    OWN(db) sqlite3 *opened = NULL;

    if ((use == SEARCH_DB_READ || use == SEARCH_DB_WRITE) &&
        is_of_another_format(path, writer, e)) {
        return false;
    }
    if (pages_open(path, flags | SQLITE_OPEN_NOMUTEX, keys, &opened) != SQLITE_OK) {
        return opened ? search_db_error(opened, e, "cannot open the file")
                      : error_set(e, ERROR_BUSY, "search index: cannot open the file");
    }
    (void)sqlite3_busy_timeout(opened, BUSY_TIMEOUT_MS);
    (void)sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (use == SEARCH_DB_ANEW && !pages_wipe(opened)) {
        return search_db_error(opened, e, "cannot empty the file");
    }
    if (!search_db_run(opened, common, e) ||
        !(writer ? search_db_run(opened, writing, e) : search_db_begin_reading(opened, e)) ||
        !token_register(opened, e) || !score_register(opened, e) ||
        !search_db_check(opened, keys, maker, e)) {
        return false;
    }
    *db = TAKE(opened, NULL);
    return true;
}
