#include "search/find.h"

#include <inttypes.h>

#include "base/clock.h"

#include "search/internal.h"

#define WITHIN_MS     10000 /* a search that takes longer is given up */
#define CHECK_EVERY   20000 /* steps of SQLite's machine between looks at the clock */
#define MATCH_MAX     16384 /* 64 terms with operators and column names take less */
#define SEQ_NONE      INT64_MAX
#define FOUND_BY_WORD 0
#define FOUND_BY_DATE 1

struct search_finder {
    struct secret *keys; /* struct token_keys */
    sqlite3 *db;
    sqlite3_stmt *find[2]; /* FOUND_BY_... */
    sqlite3_stmt *coverage;
    int64_t deadline_ms;
};

static const struct token_keys *keys_of(const struct search_finder *f)
{
    return (const struct token_keys *)(const void *)f->keys->ptr;
}

void search_finder_close(struct search_finder *f)
{
    if (!f) {
        return;
    }
    (void)sqlite3_finalize(f->find[FOUND_BY_WORD]);
    (void)sqlite3_finalize(f->find[FOUND_BY_DATE]);
    (void)sqlite3_finalize(f->coverage);
    search_db_close(f->db);
    secret_free(f->keys);
    free(f);
}

static int is_late(void *finder)
{
    const struct search_finder *f = finder;

    return clock_steady_ms() > f->deadline_ms;
}

static bool prepare(struct search_finder *f, struct error *e)
{
    return search_db_prepare(f->db,
                             "SELECT letter.seq, letter.at FROM words CROSS JOIN letter"
                             " ON letter.seq = words.rowid"
                             " WHERE words MATCH ?1 AND words.rowid < ?2"
                             " AND letter.at >= ?3 AND letter.at < ?4"
                             " ORDER BY words.rowid DESC LIMIT ?5",
                             &f->find[FOUND_BY_WORD], e) &&
           search_db_prepare(f->db,
                             "SELECT seq, at FROM letter WHERE seq < ?2 AND at >= ?3 AND at < ?4"
                             " ORDER BY seq DESC LIMIT ?5",
                             &f->find[FOUND_BY_DATE], e) &&
           search_db_prepare(f->db, "SELECT letters, partly, unread, position FROM meta",
                             &f->coverage, e);
}

bool search_finder_open(const char *path, struct slice key, struct search_finder **out,
                        struct error *e)
{
    if (key.len != SEARCH_KEY_LEN) {
        return error_set(e, ERROR_CONFIG, "search index: a key has %d bytes", SEARCH_KEY_LEN);
    }
    OWN(search_finder) struct search_finder *f = calloc(1, sizeof(*f));
    if (!f) {
        return error_set(e, ERROR_BUSY, "search index: out of memory");
    }
    f->keys = secret_copy(key);
    if (!search_db_open(path, SEARCH_DB_READ, keys_of(f), &f->db, e) || !prepare(f, e)) {
        return false;
    }
    sqlite_end_reading(f->db);
    sqlite3_progress_handler(f->db, CHECK_EVERY, is_late, f);
    *out = TAKE(f, NULL);
    return true;
}

/* ---- the MATCH expression ---- */

static void write_phrase(struct buf *out, const struct token_keys *keys,
                         const struct query_node *node)
{
    if (node->field) {
        buf_printf(out, "%s : ", search_columns[node->field]);
    }
    for (size_t i = 0; i < node->n_terms; i++) {
        char token[TOKEN_LEN];
        token_make(keys, node->terms[i], token);
        buf_add_text(out, i ? " " : "\"");
        buf_add(out, SLICE_ARRAY(token));
    }
    buf_add_text(out, "\"");
}

/* As deep as the tree, which QUERY_TERMS_MAX and QUERY_DEPTH_MAX bound. */
void match_write(struct buf *out, const struct token_keys *keys, const struct query_node *node)
{
    static const char *const operators[] = {
        [QUERY_AND] = " AND ", [QUERY_OR] = " OR ", [QUERY_NOT] = " NOT "};

    if (node->kind == QUERY_PHRASE) {
        write_phrase(out, keys, node);
        return;
    }
    buf_add_text(out, "(");
    match_write(out, keys, node->left);
    buf_add_text(out, operators[node->kind]);
    match_write(out, keys, node->right);
    buf_add_text(out, ")");
}

/* ---- answers ---- */

static bool collect(struct search_finder *f, sqlite3_stmt *s, struct search_hit *hits,
                    size_t *count, struct error *e)
{
    size_t n = 0;
    int rc = SQLITE_ROW;

    f->deadline_ms = clock_steady_ms() + WITHIN_MS;
    if (!search_db_begin_reading(f->db, e)) {
        return false;
    }
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        hits[n++] = (struct search_hit){
            .seq = (uint64_t)sqlite3_column_int64(s, 0),
            .at = (uint64_t)sqlite3_column_int64(s, 1),
        };
    }
    if (rc == SQLITE_INTERRUPT) {
        return error_set(e, ERROR_BUSY,
                         "The search took longer than %d seconds: look for rarer "
                         "words or a shorter time.",
                         WITHIN_MS / 1000);
    }
    if (rc != SQLITE_DONE) {
        return search_db_error(f->db, e, "cannot search");
    }
    *count = n;
    return true;
}

static int64_t below(uint64_t limit)
{
    return limit && limit < SEQ_NONE ? (int64_t)limit : SEQ_NONE;
}

bool search_find(struct search_finder *f, const struct query *query, uint64_t before_seq,
                 struct search_hit *hits, size_t max, size_t *count, struct error *e)
{
    OWN(buf) struct buf match = {.max = MATCH_MAX};
    sqlite3_stmt *s = f->find[query->root ? FOUND_BY_WORD : FOUND_BY_DATE];

    if (query->root) {
        match_write(&match, keys_of(f), query->root);
        if (match.full) {
            return error_set(e, ERROR_LIMIT, "The query is too long.");
        }
        (void)sqlite3_bind_text(s, 1, (const char *)match.ptr, (int)match.len, SQLITE_STATIC);
    }
    (void)sqlite3_bind_int64(s, 2, below(before_seq));
    (void)sqlite3_bind_int64(s, 3,
                             query->after_ms < SEQ_NONE ? (int64_t)query->after_ms : SEQ_NONE);
    (void)sqlite3_bind_int64(s, 4, below(query->before_ms));
    (void)sqlite3_bind_int64(s, 5, (sqlite3_int64)(max < SEARCH_PAGE_MAX ? max : SEARCH_PAGE_MAX));
    bool found = collect(f, s, hits, count, e);
    (void)sqlite3_reset(s);
    (void)sqlite3_clear_bindings(s);
    sqlite_end_reading(f->db);
    return found;
}

bool search_coverage(struct search_finder *f, struct search_coverage *out, struct error *e)
{
    sqlite3_stmt *s = f->coverage;

    f->deadline_ms = clock_steady_ms() + WITHIN_MS;
    if (!search_db_begin_reading(f->db, e)) {
        return false;
    }
    bool row = sqlite3_step(s) == SQLITE_ROW;
    if (row) {
        *out = (struct search_coverage){
            .letters = (uint64_t)sqlite3_column_int64(s, 0),
            .partly = (uint64_t)sqlite3_column_int64(s, 1),
            .unread = (uint64_t)sqlite3_column_int64(s, 2),
            .position = (uint64_t)sqlite3_column_int64(s, 3),
        };
    } else {
        (void)search_db_error(f->db, e, "cannot read");
    }
    (void)sqlite3_reset(s);
    sqlite_end_reading(f->db);
    return row;
}
