#include "catalog/internal.h"

void catalog_letter_columns(sqlite3_stmt *s, struct catalog_letter *out)
{
    *out = (struct catalog_letter){
        .seq = (uint64_t)sqlite3_column_int64(s, 0),
        .kind = (uint64_t)sqlite3_column_int64(s, 2),
        .received_at = (uint64_t)sqlite3_column_int64(s, 3),
        .size = (uint64_t)sqlite3_column_int64(s, 4),
        .decided = sqlite3_column_int(s, 5) != 0,
        .facts = {.seq = (uint64_t)sqlite3_column_int64(s, 0),
                  .segment = (uint32_t)sqlite3_column_int64(s, 6),
                  .offset = (uint64_t)sqlite3_column_int64(s, 7)},
    };
    struct slice id = slice_of(sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1));
    if (id.len == LETTER_ID_LEN) {
        (void)memcpy(out->id.bytes, id.ptr, LETTER_ID_LEN);
    }
    if (sqlite3_column_bytes(s, 8) == CATALOG_REPEAT_LEN) {
        (void)memcpy(out->repeat, sqlite3_column_blob(s, 8), CATALOG_REPEAT_LEN);
    }
}

bool catalog_find(struct catalog *c, const struct letter_id *id, struct catalog_letter *out,
                  bool *found, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_FIND, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_blob(s, 1, id->bytes, LETTER_ID_LEN, SQLITE_STATIC);
    int step = sqlite3_step(s);
    *found = step == SQLITE_ROW;
    if (*found) {
        catalog_letter_columns(s, out);
    }
    (void)sqlite3_reset(s);
    return step == SQLITE_ROW || step == SQLITE_DONE || catalog_failed(c, "find", e);
}

static void *next_item(struct growing *g, struct arena *arena)
{
    if (g->count == g->room) {
        size_t room = g->room ? g->room * 2 : 16;
        void *moved = arena_array(arena, room, g->size);
        if (g->count) {
            (void)memcpy(moved, g->items, g->count * g->size);
        }
        g->items = moved;
        g->room = room;
    }
    return (uint8_t *)g->items + g->count++ * g->size;
}

bool catalog_collect(struct catalog *c, sqlite3_stmt *s, struct growing *g, struct arena *arena,
                     void (*read)(sqlite3_stmt *, struct arena *, void *), struct error *e)
{
    int step = SQLITE_DONE;

    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        read(s, arena, next_item(g, arena));
    }
    (void)sqlite3_reset(s);
    return step == SQLITE_DONE || catalog_failed(c, "list", e);
}

static void read_record(sqlite3_stmt *s, struct arena *arena, void *item)
{
    struct catalog_record *r = item;

    (void)arena;
    *r = (struct catalog_record){
        .ref = {.seq = (uint64_t)sqlite3_column_int64(s, 0),
                .segment = (uint32_t)sqlite3_column_int64(s, 2),
                .offset = (uint64_t)sqlite3_column_int64(s, 3)},
        .type = (uint64_t)sqlite3_column_int64(s, 1)
    };
}

bool catalog_records(struct catalog *c, uint64_t letter, struct arena *arena,
                     struct catalog_record **records, size_t *count, struct error *e)
{
    struct growing g = {.size = sizeof(**records)};
    sqlite3_stmt *s = catalog_statement(c, SQL_RECORDS, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, (int64_t)letter);
    if (!catalog_collect(c, s, &g, arena, read_record, e)) {
        return false;
    }
    *records = g.items;
    *count = g.count;
    return true;
}

bool catalog_record(struct catalog *c, uint64_t letter, uint16_t type, struct ledger_ref *ref,
                    bool *found, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_LAST_RECORD, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, (int64_t)letter);
    (void)sqlite3_bind_int64(s, 2, type);
    int step = sqlite3_step(s);
    *found = step == SQLITE_ROW;
    if (*found) {
        *ref = (struct ledger_ref){.seq = (uint64_t)sqlite3_column_int64(s, 0),
                                   .segment = (uint32_t)sqlite3_column_int64(s, 1),
                                   .offset = (uint64_t)sqlite3_column_int64(s, 2)};
    }
    (void)sqlite3_reset(s);
    return step == SQLITE_ROW || step == SQLITE_DONE || catalog_failed(c, "find", e);
}

static void read_row(sqlite3_stmt *s, struct arena *arena, void *item)
{
    struct catalog_queue_row *r = item;
    struct slice id = slice_of(sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1));

    *r = (struct catalog_queue_row){
        .letter = (uint64_t)sqlite3_column_int64(s, 0),
        .ruling = (uint64_t)sqlite3_column_int64(s, 2),
        .state = (uint64_t)sqlite3_column_int64(s, 3),
        .attempt = (uint64_t)sqlite3_column_int64(s, 4),
        .queued_at = (uint64_t)sqlite3_column_int64(s, 5),
        .next_at = (uint64_t)sqlite3_column_int64(s, 6),
        .warned = sqlite3_column_int(s, 7) != 0,
        .pending = arena_copy(
            arena, slice_of(sqlite3_column_blob(s, 8), (size_t)sqlite3_column_bytes(s, 8))),
    };
    if (id.len == LETTER_ID_LEN) {
        (void)memcpy(r->id.bytes, id.ptr, LETTER_ID_LEN);
    }
}

bool catalog_queue(struct catalog *c, struct arena *arena, struct catalog_queue_row **rows,
                   size_t *count, struct error *e)
{
    struct growing g = {.size = sizeof(**rows)};
    sqlite3_stmt *s = catalog_statement(c, SQL_QUEUE, e);

    if (!s || !catalog_collect(c, s, &g, arena, read_row, e)) {
        return false;
    }
    *rows = g.items;
    *count = g.count;
    return true;
}

void catalog_read_letter(sqlite3_stmt *s, struct arena *arena, void *item)
{
    (void)arena;
    catalog_letter_columns(s, item);
}

bool catalog_letters(struct catalog *c, enum catalog_which which, uint64_t from, size_t max,
                     struct arena *arena, struct catalog_letter **letters, size_t *count,
                     struct error *e)
{
    static const enum statement statements[] = {SQL_UNDECIDED, SQL_BEFORE, SQL_BEHIND};
    struct growing g = {.size = sizeof(**letters)};
    sqlite3_stmt *s = catalog_statement(c, statements[which], e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, (int64_t)from);
    (void)sqlite3_bind_int64(s, 2, max > INT64_MAX ? INT64_MAX : (int64_t)max);
    if (!catalog_collect(c, s, &g, arena, catalog_read_letter, e)) {
        return false;
    }
    *letters = g.items;
    *count = g.count;
    return true;
}

static void read_import(sqlite3_stmt *s, struct arena *arena, void *item)
{
    struct catalog_import *i = item;

    (void)arena;
    i->seq = (uint64_t)sqlite3_column_int64(s, 0);
    if (sqlite3_column_bytes(s, 1) == LETTER_ID_LEN) {
        (void)memcpy(i->id.bytes, sqlite3_column_blob(s, 1), LETTER_ID_LEN);
    }
    i->ended = sqlite3_column_int(s, 2) != 0;
}

bool catalog_imports(struct catalog *c, uint64_t before, size_t max, struct arena *arena,
                     struct catalog_import **imports, size_t *count, struct error *e)
{
    struct growing g = {.size = sizeof(**imports)};
    sqlite3_stmt *s = catalog_statement(c, SQL_IMPORTS, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, before > INT64_MAX ? INT64_MAX : (int64_t)before);
    (void)sqlite3_bind_int64(s, 2, (int64_t)max);
    if (!catalog_collect(c, s, &g, arena, read_import, e)) {
        return false;
    }
    *imports = g.items;
    *count = g.count;
    return true;
}

bool catalog_has_imported(struct catalog *c, const uint8_t key[static CATALOG_REPEAT_LEN],
                          bool *found, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_FIND_IMPORTED, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_blob(s, 1, key, CATALOG_REPEAT_LEN, SQLITE_STATIC);
    int step = sqlite3_step(s);
    *found = step == SQLITE_ROW;
    (void)sqlite3_reset(s);
    return step == SQLITE_ROW || step == SQLITE_DONE || catalog_failed(c, "find", e);
}

bool catalog_erased_import(struct catalog *c, const uint8_t key[static CATALOG_REPEAT_LEN],
                           int64_t *erased_ms, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_FIND_ERASED_IMPORT, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_blob(s, 1, key, CATALOG_REPEAT_LEN, SQLITE_STATIC);
    int step = sqlite3_step(s);
    *erased_ms = step == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    (void)sqlite3_reset(s);
    return step == SQLITE_ROW || step == SQLITE_DONE || catalog_failed(c, "find", e);
}

bool catalog_counts(struct catalog *c, struct catalog_counts *out, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_COUNTS, e);

    if (!s) {
        return false;
    }
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        *out = (struct catalog_counts){.letters = (uint64_t)sqlite3_column_int64(s, 0),
                                       .waiting = (uint64_t)sqlite3_column_int64(s, 1),
                                       .held = (uint64_t)sqlite3_column_int64(s, 2),
                                       .undecided = (uint64_t)sqlite3_column_int64(s, 3)};
    }
    (void)sqlite3_reset(s);
    return step == SQLITE_ROW || catalog_failed(c, "count", e);
}

bool catalog_removal(struct catalog *c, const struct letter_id *id, struct ledger_ref *ref,
                     bool *found, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_REMOVAL, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_blob(s, 1, id->bytes, LETTER_ID_LEN, SQLITE_STATIC);
    int step = sqlite3_step(s);
    *found = step == SQLITE_ROW;
    if (*found) {
        *ref = (struct ledger_ref){.seq = (uint64_t)sqlite3_column_int64(s, 0),
                                   .segment = (uint32_t)sqlite3_column_int64(s, 1),
                                   .offset = (uint64_t)sqlite3_column_int64(s, 2)};
    }
    (void)sqlite3_reset(s);
    return step == SQLITE_ROW || step == SQLITE_DONE || catalog_failed(c, "find", e);
}

static void read_seq(sqlite3_stmt *s, struct arena *arena, void *item)
{
    (void)arena;
    *(uint64_t *)item = (uint64_t)sqlite3_column_int64(s, 0);
}

bool catalog_removed(struct catalog *c, struct arena *arena, uint64_t **seqs, size_t *count,
                     struct error *e)
{
    struct growing g = {.size = sizeof(**seqs)};
    sqlite3_stmt *s = catalog_statement(c, SQL_REMOVED, e);

    if (!s || !catalog_collect(c, s, &g, arena, read_seq, e)) {
        return false;
    }
    *seqs = g.items;
    *count = g.count;
    return true;
}

bool catalog_repeated(struct catalog *c, const uint8_t key[static CATALOG_REPEAT_LEN],
                      struct arena *arena, struct catalog_letter **letters, size_t *count,
                      struct error *e)
{
    struct growing g = {.size = sizeof(**letters)};
    sqlite3_stmt *s = catalog_statement(c, SQL_REPEATED, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_blob(s, 1, key, CATALOG_REPEAT_LEN, SQLITE_STATIC);
    if (!catalog_collect(c, s, &g, arena, catalog_read_letter, e)) {
        return false;
    }
    *letters = g.items;
    *count = g.count;
    return true;
}
