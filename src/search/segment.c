#include "search/segment.h"

#include <stdlib.h>

#define STRUCTURE     10   /* the row of %_data that names the segments */
#define SEGMENTS_MAX  2000 /* as FTS5's: of all levels */
#define SEGMENTS_FULL 1900 /* FTS5 needs some more to merge them into */
#define SEGMENTS_MANY 200  /* no level has so few that nothing could be merged */
#define LEVELS_MAX    64   /* FTS5 makes a level of at least two of the one below */
#define ROW_MAX       65536
#define SEGMENT_SHIFT 37 /* in a leaf's row id, above its number */
#define COOKIE_LEN    4
#define MERGE_MIN     64    /* leaves: what FTS5 calls a unit of work */
#define MERGE_MAX     16000 /* likewise: 64 MB; what is due beyond is the next merge's */
#define MERGE_FEW     4 /* segments of a level that are merged: the fewer, the quicker are searches */
#define MERGE_MANY    8 /* and the more, the less is written again and again */

struct segments {
    sqlite3 *db;
    const char *path;
    const struct token_keys *keys;
    sqlite3 *merger;     /* FTS5's own connection; NULL until it is wanted */
    unsigned merge_from; /* what it was told */
    sqlite3_stmt *get;
    sqlite3_stmt *set;
    sqlite3_stmt *add_leaf;
    sqlite3_stmt *add_split;
    size_t due;     /* leaves that FTS5 should write to keep up */
    uint64_t count; /* of segments, when their list was read last */
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
    search_db_close(s->merger);
    free(s);
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
    uint64_t named;   /* so many were found in it */
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
        st->named++;
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
        st->levels > LEVELS_MAX || st->segments > SEGMENTS_MAX) {
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
    return st->named == st->segments;
}

/* The list as it is stored, to be used until s->get is reset. */
static bool read_list(struct segments *s, struct structure *st, struct error *e)
{
    (void)sqlite3_bind_int64(s->get, 1, STRUCTURE);
    int rc = sqlite3_step(s->get);
    if (rc == SQLITE_DONE) {
        return error_set(e, ERROR_CORRUPT, "search index: its list of segments is missing");
    }
    if (rc != SQLITE_ROW) {
        return search_db_error(s->db, e, "cannot read the segments");
    }
    struct slice row =
        slice_of(sqlite3_column_blob(s->get, 0), (size_t)sqlite3_column_bytes(s->get, 0));
    if (!read_structure(row, st)) {
        return error_set(e, ERROR_CORRUPT, "search index: its list of segments is damaged");
    }
    s->count = st->segments;
    return true;
}

static bool count_segments(struct segments *s, struct error *e)
{
    struct structure st = {0};
    bool read = read_list(s, &st, e);

    (void)sqlite3_reset(s->get);
    return read;
}

bool segments_open(sqlite3 *db, const char *path, const struct token_keys *keys,
                   struct segments **out, struct error *e)
{
    OWN(segments) struct segments *s = calloc(1, sizeof(*s));

    if (!s) {
        return error_set(e, ERROR_BUSY, "search index: out of memory");
    }
    s->db = db;
    s->path = path;
    s->keys = keys;
    /* DEFENSIVE keeps everybody but FTS5 from its tables. */
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    if (!search_db_prepare(db, "SELECT block FROM words_data WHERE id = ?1", &s->get, e) ||
        !search_db_prepare(db, "UPDATE words_data SET block = ?2 WHERE id = ?1", &s->set, e) ||
        !search_db_prepare(db, "INSERT INTO words_data(id, block) VALUES(?1, ?2)", &s->add_leaf,
                           e) ||
        !search_db_prepare(db, "INSERT INTO words_idx(segid, term, pgno) VALUES(?1, ?2, ?3)",
                           &s->add_split, e) ||
        !count_segments(s, e)) {
        return false;
    }
    s->due = s->count;
    *out = TAKE(s, NULL);
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

/* The list with one segment more; its id. */
static bool lengthen(struct segments *s, size_t leaves, struct buf *row, uint64_t *id,
                     struct error *e)
{
    struct structure st = {0};

    if (!read_list(s, &st, e)) {
        return false;
    }
    if (st.segments >= SEGMENTS_FULL) {
        return error_set(e, ERROR_LIMIT,
                         "search index: %llu segments wait to be merged; the log says why they are "
                         "not (index.untidy)",
                         (unsigned long long)st.segments);
    }
    *id = 1;
    while (st.used[*id]) {
        (*id)++;
    }
    write_structure(row, &st, *id, leaves);
    s->due += leaves * (st.levels ? st.levels : 1);
    s->count = st.segments + 1;
    return !row->full || error_set(e, ERROR_LIMIT, "search index: its list of segments is full");
}

/* Name a new segment in the list; its id. */
static bool name(struct segments *s, size_t leaves, uint64_t *id, struct error *e)
{
    OWN(buf) struct buf row = {.max = ROW_MAX};
    bool longer = lengthen(s, leaves, &row, id, e);

    (void)sqlite3_reset(s->get);
    if (!longer) {
        return false;
    }
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

size_t segments_due(const struct segments *s)
{
    size_t due = s->due < MERGE_MAX ? s->due : MERGE_MAX;

    if (s->count >= SEGMENTS_MANY && due < SEGMENTS_STEP) {
        return SEGMENTS_STEP;
    }
    return due < MERGE_MIN ? 0 : due;
}

static bool tell_fts5(struct segments *s, const char *what, unsigned long long value,
                      struct error *e)
{
    char sql[96];

    (void)sqlite3_snprintf(sizeof(sql), sql, "INSERT INTO words(words, rank) VALUES('%s', %llu)",
                           what, value);
    return search_db_run(s->merger, sql, e);
}

static bool open_merger(struct segments *s, bool import, struct error *e)
{
    unsigned from = import && s->count < SEGMENTS_MANY ? MERGE_MANY : MERGE_FEW;

    if (!s->merger) {
        s->merge_from = 0;
        if (!search_db_open(s->path, SEARCH_DB_MERGE, s->keys, &s->merger, e)) {
            return false;
        }
    }
    if (s->merge_from != from && !tell_fts5(s, "usermerge", from, e)) {
        return false;
    }
    s->merge_from = from;
    return true;
}

void segments_close_merger(struct segments *s)
{
    search_db_close(TAKE(s->merger, NULL));
    s->due = 0;
    s->count = 0;
}

bool segments_merge(struct segments *s, size_t leaves, bool import, bool *more, struct error *e)
{
    *more = false;
    if (!open_merger(s, import, e)) {
        return false;
    }
    int before = sqlite3_total_changes(s->merger);
    if (!tell_fts5(s, "merge", leaves, e)) {
        return false;
    }
    *more = sqlite3_total_changes(s->merger) - before >= 2; /* one is the command itself */
    s->due -= leaves < s->due ? leaves : s->due;
    return count_segments(s, e);
}
