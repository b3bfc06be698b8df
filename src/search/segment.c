#include "search/segment.h"

#include <stdlib.h>

#define STRUCTURE     10   /* the row of %_data that names the segments */
#define SEGMENTS_MAX  2000 /* as FTS5's: of all levels */
#define LEVELS_MAX    64   /* FTS5 makes a level of at least two of the one below */
#define ROW_MAX       65536
#define SEGMENT_SHIFT 37 /* in a leaf's row id, above its number */
#define COOKIE_LEN    4
#define MERGE_MIN     64 /* leaves: what FTS5 calls a unit of work */

struct segments {
    sqlite3 *db;
    sqlite3_stmt *get;
    sqlite3_stmt *set;
    sqlite3_stmt *add_leaf;
    sqlite3_stmt *add_split;
    size_t due;
};

void segments_close(struct segments *s)
{
    if (!s) {
        return;
    }
    (void)sqlite3_finalize(s->get);
    (void)sqlite3_finalize(s->set);
    (void)sqlite3_finalize(s->add_leaf);
    (void)sqlite3_finalize(s->add_split);
    free(s);
}

bool segments_open(sqlite3 *db, struct segments **out, struct error *e)
{
    OWN(segments) struct segments *s = calloc(1, sizeof(*s));

    if (!s) {
        return error_set(e, ERROR_BUSY, "search index: out of memory");
    }
    s->db = db;
    /* DEFENSIVE keeps everybody but FTS5 from its tables. */
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    if (!search_db_prepare(db, "SELECT block FROM words_data WHERE id = ?1", &s->get, e) ||
        !search_db_prepare(db, "UPDATE words_data SET block = ?2 WHERE id = ?1", &s->set, e) ||
        !search_db_prepare(db, "INSERT INTO words_data(id, block) VALUES(?1, ?2)", &s->add_leaf,
                           e) ||
        !search_db_prepare(db, "INSERT INTO words_idx(segid, term, pgno) VALUES(?1, ?2, ?3)",
                           &s->add_split, e)) {
        return false;
    }
    *out = TAKE(s, NULL);
    return true;
}

static bool run(struct segments *s, sqlite3_stmt *statement, struct error *e)
{
    int rc = sqlite3_step(statement);

    if (rc != SQLITE_DONE) {
        (void)search_db_error(s->db, e, "cannot write");
    }
    (void)sqlite3_reset(statement);
    return rc == SQLITE_DONE;
}

/* ---- the list of segments ---- */

struct level {
    uint64_t merging; /* of its oldest segments, into one of the next level */
    uint64_t count;
};

/* What is read of the list; a newer segment goes to the end of level 0. */
struct structure {
    struct slice cookie;
    uint64_t levels;
    uint64_t segments;
    uint64_t written; /* leaves, ever */
    struct level first;
    struct slice firsts; /* the first level's segments */
    struct slice others; /* all levels above */
    bool used[SEGMENTS_MAX + 1];
};

static bool take_number(struct slice *rest, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < 8 && i < rest->len; i++) {
        *value = *value << 7 | (rest->ptr[i] & 0x7f);
        if (!(rest->ptr[i] & 0x80)) {
            *rest = slice_from(*rest, i + 1);
            return true;
        }
    }
    return false;
}

static bool take_segments(struct slice *rest, struct structure *st, struct level *level)
{
    uint64_t id = 0;
    uint64_t first = 0;
    uint64_t last = 0;

    for (uint64_t i = 0; i < level->count; i++) {
        if (!take_number(rest, &id) || !take_number(rest, &first) || !take_number(rest, &last) ||
            id == 0) {
            return false;
        }
        if (id <= SEGMENTS_MAX) {
            st->used[id] = true;
        }
    }
    return true;
}

static bool take_level(struct slice *rest, struct level *level)
{
    return take_number(rest, &level->merging) && take_number(rest, &level->count) &&
           level->count <= SEGMENTS_MAX;
}

static bool read_structure(struct slice row, struct structure *st)
{
    struct slice rest = slice_from(row, COOKIE_LEN);
    struct level above;

    if (row.len < COOKIE_LEN || !take_number(&rest, &st->levels) ||
        !take_number(&rest, &st->segments) || !take_number(&rest, &st->written) ||
        st->levels > LEVELS_MAX || st->segments >= SEGMENTS_MAX) {
        return false;
    }
    st->cookie = slice_head(row, COOKIE_LEN);
    if (st->levels && !take_level(&rest, &st->first)) {
        return false;
    }
    st->firsts = rest;
    if (!take_segments(&rest, st, &st->first)) {
        return false;
    }
    st->firsts.len -= rest.len;
    st->others = rest;
    for (uint64_t i = 1; i < st->levels; i++) {
        if (!take_level(&rest, &above) || !take_segments(&rest, st, &above)) {
            return false;
        }
    }
    return true;
}

static void add_number(struct buf *b, uint64_t value)
{
    uint8_t bytes[LEAVES_NUMBER_MAX];

    buf_add(b, slice_of(bytes, leaves_number(bytes, value)));
}

static void write_structure(struct buf *out, const struct structure *st, uint64_t id, size_t leaves)
{
    buf_add(out, st->cookie);
    add_number(out, st->levels ? st->levels : 1);
    add_number(out, st->segments + 1);
    add_number(out, st->written + leaves);
    add_number(out, st->first.merging);
    add_number(out, st->first.count + 1);
    buf_add(out, st->firsts);
    add_number(out, id);
    add_number(out, 1);
    add_number(out, leaves);
    buf_add(out, st->others);
}

/* Name a new segment in the list; its id. */
static bool name(struct segments *s, size_t leaves, uint64_t *id, struct error *e)
{
    OWN(buf) struct buf row = {.max = ROW_MAX};
    struct structure st = {0};

    (void)sqlite3_bind_int64(s->get, 1, STRUCTURE);
    if (sqlite3_step(s->get) != SQLITE_ROW) {
        (void)search_db_error(s->db, e, "cannot read the segments");
        (void)sqlite3_reset(s->get);
        return false;
    }
    const struct slice was =
        slice_of(sqlite3_column_blob(s->get, 0), (size_t)sqlite3_column_bytes(s->get, 0));
    bool read = read_structure(was, &st);
    *id = 1;
    while (*id < SEGMENTS_MAX && st.used[*id]) {
        (*id)++;
    }
    write_structure(&row, &st, *id, leaves);
    (void)sqlite3_reset(s->get);
    if (!read || row.full) {
        return error_set(e, ERROR_CORRUPT, "search index: its list of segments is damaged");
    }
    s->due += leaves * (st.levels ? st.levels : 1);
    (void)sqlite3_bind_int64(s->set, 1, STRUCTURE);
    (void)sqlite3_bind_blob64(s->set, 2, row.ptr, row.len, SQLITE_STATIC);
    bool set = run(s, s->set, e);
    (void)sqlite3_clear_bindings(s->set);
    return set;
}

/* ---- leaves ---- */

static bool add_leaf(struct segments *s, uint64_t id, size_t number, const struct leaf *leaf,
                     struct slice bytes, struct error *e)
{
    (void)sqlite3_bind_int64(s->add_leaf, 1, (sqlite3_int64)(id << SEGMENT_SHIFT | number));
    (void)sqlite3_bind_blob64(s->add_leaf, 2, bytes.ptr, bytes.len, SQLITE_STATIC);
    if (!run(s, s->add_leaf, e)) {
        return false;
    }
    if (!leaf->has_term && number > 1) {
        return true;
    }
    (void)sqlite3_bind_int64(s->add_split, 1, (sqlite3_int64)id);
    (void)sqlite3_bind_blob64(s->add_split, 2, leaf->split, leaf->split_len, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s->add_split, 3, (sqlite3_int64)number << 1);
    return run(s, s->add_split, e);
}

bool segments_add(struct segments *s, const struct leaves *leaves, struct error *e)
{
    uint64_t id = 0;

    if (leaves->count == 0) {
        return true;
    }
    if (!name(s, leaves->count, &id, e)) {
        return false;
    }
    for (size_t i = 0; i < leaves->count; i++) {
        const struct leaf *leaf = &leaves->items[i];
        if (!add_leaf(s, id, i + 1, leaf, slice_of(leaves->bytes.ptr + leaf->begin, leaf->len),
                      e)) {
            return false;
        }
    }
    return true;
}

/* ---- merging ---- */

size_t segments_due(struct segments *s)
{
    return s->due < MERGE_MIN ? 0 : TAKE(s->due, 0);
}

static bool tell_fts5(sqlite3 *merger, const char *what, unsigned long long value, struct error *e)
{
    char sql[96];

    (void)sqlite3_snprintf(sizeof(sql), sql, "INSERT INTO words(words, rank) VALUES('%s', %llu)",
                           what, value);
    return search_db_run(merger, sql, e);
}

bool segments_merge_from(sqlite3 *merger, unsigned segments, struct error *e)
{
    return tell_fts5(merger, "usermerge", segments, e);
}

bool segments_merge(sqlite3 *merger, size_t leaves, bool *more, struct error *e)
{
    int before = sqlite3_total_changes(merger);
    bool merged = tell_fts5(merger, "merge", leaves, e);

    *more = merged && sqlite3_total_changes(merger) - before >= 2; /* one is the command itself */
    return merged;
}
