#include <string.h>

#include "catalog/internal.h"
#include "host/sqlite.h"

#define WAIT_MS 5000 /* for the writer, or for one who reads while we write */

/* The whole schema. `letters.seq` is the ledger's number of the facts record. A queue row goes when
 * its last recipient has a final outcome. */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, seq INTEGER, segment INTEGER,"
    "  offset INTEGER) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS letters (seq INTEGER PRIMARY KEY, id BLOB NOT NULL,"
    "  kind INTEGER NOT NULL, received_at INTEGER NOT NULL, size INTEGER NOT NULL,"
    "  decided INTEGER NOT NULL, segment INTEGER NOT NULL, offset INTEGER NOT NULL,"
    "  repeat BLOB NOT NULL);"
    "CREATE UNIQUE INDEX IF NOT EXISTS letters_id ON letters (id);"
    "CREATE INDEX IF NOT EXISTS letters_undecided ON letters (seq) WHERE decided = 0;"
    "CREATE INDEX IF NOT EXISTS letters_imported ON letters (repeat) WHERE kind = 4;"
    "CREATE INDEX IF NOT EXISTS letters_repeats ON letters (repeat) WHERE kind = 3;"
    "CREATE TABLE IF NOT EXISTS imports (seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE,"
    "  ended INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS records (letter INTEGER NOT NULL, seq INTEGER NOT NULL,"
    "  type INTEGER NOT NULL, segment INTEGER NOT NULL, offset INTEGER NOT NULL,"
    "  PRIMARY KEY (letter, seq)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS queue (letter INTEGER NOT NULL, ruling INTEGER NOT NULL,"
    "  state INTEGER NOT NULL, attempt INTEGER NOT NULL, queued_at INTEGER NOT NULL,"
    "  next_at INTEGER NOT NULL, warned INTEGER NOT NULL, pending BLOB NOT NULL,"
    "  PRIMARY KEY (letter, ruling)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS removals (letter INTEGER PRIMARY KEY, id BLOB NOT NULL,"
    "  seq INTEGER NOT NULL, segment INTEGER NOT NULL, offset INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS removals_id ON removals (id);"
    "CREATE TABLE IF NOT EXISTS erased_imports (repeat BLOB PRIMARY KEY, at INTEGER NOT NULL)"
    "  WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS rules (class INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,"
    "  seq INTEGER NOT NULL, segment INTEGER NOT NULL, offset INTEGER NOT NULL,"
    "  removed INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS rule_dates (key BLOB PRIMARY KEY, seq INTEGER NOT NULL,"
    "  segment INTEGER NOT NULL, offset INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS stamps (letter INTEGER PRIMARY KEY, until INTEGER NOT NULL,"
    "  digest BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS stamped (letter INTEGER NOT NULL, class INTEGER NOT NULL,"
    "  PRIMARY KEY (letter, class)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS known (key INTEGER PRIMARY KEY, letter INTEGER NOT NULL);"
    "CREATE INDEX IF NOT EXISTS known_letter ON known (letter);"
    /* How many letters there are: counting them anew for each question would read all of an index. */
    "CREATE TRIGGER IF NOT EXISTS letters_came AFTER INSERT ON letters BEGIN"
    "  INSERT INTO meta VALUES ('letters', 1, 0, 0) ON CONFLICT (name) DO UPDATE SET seq = seq + 1;"
    "END;"
    "CREATE TRIGGER IF NOT EXISTS letters_went AFTER DELETE ON letters BEGIN"
    "  UPDATE meta SET seq = seq - 1 WHERE name = 'letters'; END;"
    "INSERT OR IGNORE INTO meta SELECT 'letters', count(*), 0, 0 FROM letters"
    "  WHERE NOT EXISTS (SELECT 1 FROM meta WHERE name = 'letters');";

#define LETTER_COLUMNS "seq, id, kind, received_at, size, decided, segment, offset, repeat"

static const char *const texts[SQL_STATEMENTS] = {
    [SQL_POSITION] = "INSERT OR REPLACE INTO meta VALUES ('position', ?1, ?2, ?3)",
    [SQL_ADD_LETTER] =
        "INSERT INTO letters (" LETTER_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [SQL_ADD_RECORD] = "INSERT INTO records VALUES (?1, ?2, ?3, ?4, ?5)",
    [SQL_LETTER_OF] = "SELECT seq, received_at FROM letters WHERE id = ?1",
    [SQL_DECIDED] = "UPDATE letters SET decided = 1 WHERE seq = ?1",
    [SQL_ADD_ROW] = "INSERT INTO queue VALUES (?1, ?2, ?3, 0, ?4, 0, 0, ?5)",
    [SQL_BEGIN_ATTEMPT] = "UPDATE queue SET attempt = ?3 WHERE letter = ?1 AND ruling = ?2",
    [SQL_PENDING] = "SELECT pending FROM queue WHERE letter = ?1 AND ruling = ?2",
    [SQL_SET_PENDING] = "UPDATE queue SET pending = ?3, next_at = ?4, attempt = max(attempt, ?5)"
                        " WHERE letter = ?1 AND ruling = ?2",
    [SQL_REMOVE_ROW] = "DELETE FROM queue WHERE letter = ?1 AND ruling = ?2",
    [SQL_SET_STATE] = "UPDATE queue SET state = ?3, next_at = 0 WHERE letter = ?1 AND (?2 = 0 OR "
                      "ruling = ?2 - 1)",
    [SQL_RETRY] = "UPDATE queue SET next_at = 0 WHERE letter = ?1 AND (?2 = 0 OR ruling = ?2 - 1)",
    [SQL_WARNED] = "UPDATE queue SET warned = 1 WHERE letter = ?1 AND ruling = ?2",
    [SQL_FIND] = "SELECT " LETTER_COLUMNS " FROM letters WHERE id = ?1",
    [SQL_RECORDS] = "SELECT seq, type, segment, offset FROM records WHERE letter = ?1 ORDER BY seq",
    [SQL_LAST_RECORD] = "SELECT seq, segment, offset FROM records WHERE letter = ?1 AND type = ?2"
                        " ORDER BY seq DESC LIMIT 1",
    [SQL_QUEUE] = "SELECT q.letter, l.id, q.ruling, q.state, q.attempt, q.queued_at, q.next_at,"
                  " q.warned, q.pending FROM queue q JOIN letters l ON l.seq = q.letter"
                  " ORDER BY q.letter, q.ruling",
    [SQL_UNDECIDED] = "SELECT " LETTER_COLUMNS
                      " FROM letters WHERE decided = 0 AND seq >= ?1 ORDER BY seq LIMIT ?2",
    [SQL_BEFORE] =
        "SELECT " LETTER_COLUMNS " FROM letters WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
    [SQL_BEHIND] = "SELECT " LETTER_COLUMNS " FROM letters WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
    [SQL_ERASED_SEEN] = "INSERT OR IGNORE INTO meta VALUES ('erased', ?1, 0, 0)",
    [SQL_IS_REMOVED] = "SELECT 1 FROM removals WHERE id = ?1 UNION ALL"
                       " SELECT 1 FROM meta WHERE name = 'erased'",
    [SQL_ADD_REMOVAL] = "INSERT OR IGNORE INTO removals VALUES (?1, ?2, ?3, ?4, ?5)",
    [SQL_DROP_LETTER] = "DELETE FROM letters WHERE seq = ?1",
    [SQL_DROP_RECORDS] = "DELETE FROM records WHERE letter = ?1",
    [SQL_DROP_QUEUE] = "DELETE FROM queue WHERE letter = ?1",
    [SQL_REMOVAL] = "SELECT seq, segment, offset FROM removals WHERE id = ?1",
    [SQL_ADD_ERASED_IMPORT] = "INSERT OR REPLACE INTO erased_imports VALUES (?1, ?2)",
    [SQL_FIND_ERASED_IMPORT] = "SELECT at FROM erased_imports WHERE repeat = ?1",
    [SQL_REMOVED] = "SELECT letter FROM removals ORDER BY letter",
    [SQL_REPEATED] = "SELECT " LETTER_COLUMNS " FROM letters WHERE repeat = ?1 AND kind = 3"
                     " ORDER BY seq",
    [SQL_SET_RULE] = "INSERT INTO rules (key, seq, segment, offset, removed)"
                     " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (key) DO UPDATE SET seq = ?2,"
                     " segment = ?3, offset = ?4, removed = ?5",
    [SQL_SET_DATE] = "INSERT OR REPLACE INTO rule_dates VALUES (?1, ?2, ?3, ?4)",
    [SQL_DROP_DATE] = "DELETE FROM rule_dates WHERE key = ?1",
    [SQL_SET_STAMP] = "INSERT OR REPLACE INTO stamps VALUES (?1, ?2, ?3)",
    [SQL_DROP_STAMP] = "DELETE FROM stamps WHERE letter = ?1",
    [SQL_DROP_STAMPED] = "DELETE FROM stamped WHERE letter = ?1",
    [SQL_ADD_STAMPED] = "INSERT OR IGNORE INTO stamped SELECT ?1, class FROM rules WHERE key = ?2",
    [SQL_RULES] = "SELECT seq, segment, offset, removed, 0 FROM rules ORDER BY class",
    [SQL_RULES_COUNTED] =
        "SELECT seq, segment, offset, removed, coalesce(n, 0) FROM rules LEFT JOIN (SELECT class"
        " AS counted, count(*) AS n FROM stamped GROUP BY class) ON counted = class ORDER BY class",
    [SQL_DATES] = "SELECT seq, segment, offset FROM rule_dates",
    [SQL_STAMP] = "SELECT until, digest FROM stamps WHERE letter = ?1",
    [SQL_ENDED] = "SELECT " LETTER_COLUMNS " FROM stamps CROSS JOIN letters ON seq = letter"
                  " WHERE letter >= ?1 AND until <= ?2 ORDER BY letter LIMIT ?3",
    [SQL_RETENTION_COUNTS] =
        "SELECT (SELECT count(*) FROM letters WHERE kind <> 3), (SELECT count(*) FROM stamps),"
        " (SELECT count(*) FROM stamps WHERE until = ?1),"
        " (SELECT count(*) FROM stamps WHERE until <= ?2)",
    [SQL_COUNT_BETWEEN] = "SELECT count(*) FROM letters WHERE seq >= ?1 AND seq < ?2 AND kind <> 3",
    [SQL_ADD_KNOWN] = "INSERT OR IGNORE INTO known VALUES (?1, ?2)",
    [SQL_KNOWN] = "SELECT key FROM known",
    [SQL_KNOWN_FIRST] = "SELECT 1 FROM known WHERE key = ?1 AND letter = ?2",
    [SQL_DROP_KNOWN] = "DELETE FROM known WHERE letter = ?1",
    [SQL_COUNTS] = "SELECT coalesce((SELECT seq FROM meta WHERE name = 'letters'),"
                   " (SELECT count(*) FROM letters))," /* a reader's, before the keeper opened it */
                   " (SELECT count(*) FROM queue WHERE state = 1),"
                   " (SELECT count(*) FROM queue WHERE state = 2),"
                   " (SELECT count(*) FROM letters WHERE decided = 0)",
    [SQL_IMPORTED_DECIDED] = "UPDATE letters SET decided = 1 WHERE seq = ?1 AND kind = 4",
    [SQL_FIND_IMPORTED] = "SELECT 1 FROM letters WHERE repeat = ?1 AND kind = 4 LIMIT 1",
    [SQL_ADD_IMPORT] = "INSERT OR IGNORE INTO imports VALUES (?1, ?2, 0)",
    [SQL_IMPORT_OF] = "SELECT seq FROM imports WHERE id = ?1",
    [SQL_END_IMPORT] = "UPDATE imports SET ended = 1 WHERE id = ?1",
    [SQL_IMPORTS] = "SELECT seq, id, ended FROM imports WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
};

bool catalog_failed(struct catalog *c, const char *doing, struct error *e)
{
    int code = sqlite3_errcode(c->db);
    enum error_kind kind =
        code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? ERROR_CORRUPT : ERROR_BUSY;
    return error_set(e, kind, "catalog: %s: %s", doing, sqlite3_errmsg(c->db));
}

sqlite3_stmt *catalog_statement(struct catalog *c, enum statement which, struct error *e)
{
    sqlite3_stmt **s = &c->prepared[which];

    if (!*s && sqlite3_prepare_v3(c->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, s, NULL)) {
        (void)catalog_failed(c, "prepare", e);
        return NULL;
    }
    (void)sqlite3_reset(*s);
    (void)sqlite3_clear_bindings(*s);
    return *s;
}

bool catalog_run(struct catalog *c, sqlite3_stmt *s, struct error *e)
{
    int step = sqlite3_step(s);
    bool done = step == SQLITE_DONE || catalog_failed(c, "write", e);
    (void)sqlite3_reset(s);
    return done;
}

/* Derived data needs no fsync of its own: WAL with synchronous=NORMAL cannot become corrupt by a
 * crash, it can only lose its last transactions, and the position is lost with them. */
static bool set_up(struct catalog *c, bool writable, struct error *e)
{
    static const char pragmas[] =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;"
        "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;"
        "PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;";

    (void)sqlite3_busy_timeout(c->db, WAIT_MS);
    if (!writable) {
        /* A reader's whole life is one transaction. */
        return sqlite_begin_reading(c->db, WAIT_MS) || catalog_failed(c, "begin to read", e);
    }
    if (sqlite3_exec(c->db, pragmas, NULL, NULL, NULL) ||
        sqlite3_exec(c->db, schema, NULL, NULL, NULL)) {
        return catalog_failed(c, "set up", e);
    }
    return true;
}

static bool check_version(struct catalog *c, bool writable, struct error *e)
{
    sqlite3_stmt *s = NULL;

    if (sqlite3_prepare_v2(c->db, "PRAGMA user_version", -1, &s, NULL) ||
        sqlite3_step(s) != SQLITE_ROW) {
        (void)sqlite3_finalize(s);
        return catalog_failed(c, "open", e);
    }
    int version = sqlite3_column_int(s, 0);
    (void)sqlite3_finalize(s);
    if (version > CATALOG_FORMAT_VERSION) {
        return error_set(e, ERROR_CONFIG,
                         "the catalog has format %d and this program knows %d: install the newer "
                         "Postern again, or delete the catalog to have it made anew",
                         version, CATALOG_FORMAT_VERSION);
    }
    if (version > 0 && version < CATALOG_FORMAT_VERSION && writable) {
        return error_set(e, ERROR_CORRUPT, "the catalog has format %d, and is made anew as %d",
                         version, CATALOG_FORMAT_VERSION);
    }
    if (version == 0 && writable &&
        sqlite3_exec(c->db, "PRAGMA user_version = 2", NULL, NULL, NULL)) {
        return catalog_failed(c, "open", e);
    }
    return true;
}

static bool read_position(struct catalog *c, struct error *e)
{
    sqlite3_stmt *s = NULL;

    if (sqlite3_prepare_v2(c->db, "SELECT seq, segment, offset FROM meta WHERE name = 'position'",
                           -1, &s, NULL)) {
        return catalog_failed(c, "open", e);
    }
    if (sqlite3_step(s) == SQLITE_ROW) {
        c->position = (struct ledger_position){.seq = (uint64_t)sqlite3_column_int64(s, 0),
                                               .segment = (uint32_t)sqlite3_column_int64(s, 1),
                                               .offset = (uint64_t)sqlite3_column_int64(s, 2)};
    }
    (void)sqlite3_finalize(s);
    return true;
}

static bool get_ready(struct catalog *c, bool writable, struct error *e)
{
    return set_up(c, writable, e) && check_version(c, writable, e) && read_position(c, e);
}

static bool open_file(const char *path, bool writable, bool anew, struct slice key,
                      struct catalog **out, struct error *e)
{
    int flags = writable ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    OWN(catalog) struct catalog *c = calloc(1, sizeof(*c));

    if (!c) {
        arena_panic("out of memory");
    }
    if (key.len == CATALOG_KEY_LEN) {
        (void)memcpy(c->key, key.ptr, CATALOG_KEY_LEN);
        catalog_known_begin(c);
    }
    if (sqlite3_open_v2(path, &c->db, flags | SQLITE_OPEN_NOMUTEX, NULL)) {
        return catalog_failed(c, "open", e);
    }
    if (anew && !sqlite_wipe(c->db)) {
        return catalog_failed(c, "wipe", e);
    }
    if (!get_ready(c, writable, e)) {
        return false;
    }
    *out = TAKE(c, NULL);
    return true;
}

bool catalog_open(const char *path, bool writable, struct slice key, struct catalog **out,
                  struct error *e)
{
    return open_file(path, writable, false, key, out, e);
}

bool catalog_open_anew(const char *path, struct slice key, struct catalog **out, struct error *e)
{
    return open_file(path, true, true, key, out, e);
}

void catalog_close(struct catalog *c)
{
    if (!c) {
        return;
    }
    for (size_t i = 0; i < SQL_STATEMENTS; i++) {
        (void)sqlite3_finalize(c->prepared[i]);
    }
    (void)sqlite3_close(c->db);
    explicit_bzero(c->key, sizeof(c->key));
    explicit_bzero(c->known_key, sizeof(c->known_key));
    free(c);
}

struct ledger_position catalog_position(const struct catalog *c)
{
    return c->position;
}

bool catalog_begin(struct catalog *c, struct error *e)
{
    return sqlite3_exec(c->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK ||
           catalog_failed(c, "begin", e);
}

bool catalog_commit(struct catalog *c, struct ledger_position next, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_POSITION, e);

    if (s) {
        (void)sqlite3_bind_int64(s, 1, (int64_t)next.seq);
        (void)sqlite3_bind_int64(s, 2, next.segment);
        (void)sqlite3_bind_int64(s, 3, (int64_t)next.offset);
    }
    if (!s || !catalog_run(c, s, e) ||
        (sqlite3_exec(c->db, "COMMIT", NULL, NULL, NULL) && !catalog_failed(c, "commit", e))) {
        catalog_abort(c);
        return false;
    }
    c->position = next;
    return true;
}

void catalog_abort(struct catalog *c)
{
    (void)sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
}

bool catalog_clear(struct catalog *c, struct error *e)
{
    /* Without the triggers the letters go all at once, and not row by row; the schema has them again. */
    static const char clear[] =
        "BEGIN IMMEDIATE; DROP TRIGGER IF EXISTS letters_came;"
        "DROP TRIGGER IF EXISTS letters_went; DELETE FROM letters; DELETE FROM records;"
        "DELETE FROM queue; DELETE FROM imports;"
        "DELETE FROM removals; DELETE FROM erased_imports; DELETE FROM "
        "rules; DELETE FROM rule_dates;"
        "DELETE FROM stamps; DELETE FROM stamped; DELETE FROM known;"
        "DELETE FROM meta";

    if (sqlite3_exec(c->db, clear, NULL, NULL, NULL) ||
        sqlite3_exec(c->db, schema, NULL, NULL, NULL) ||
        sqlite3_exec(c->db, "COMMIT", NULL, NULL, NULL)) {
        (void)catalog_failed(c, "clear", e);
        catalog_abort(c);
        if (e->kind != ERROR_CORRUPT || !sqlite_wipe(c->db) || !get_ready(c, true, e)) {
            return false;
        }
    }
    c->position = (struct ledger_position){0};
    return true;
}
