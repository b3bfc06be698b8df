#include "search/find.h"

#include <inttypes.h>

#include "base/clock.h"

#include "search/internal.h"

#define WITHIN_MS   10000 /* a search that takes longer is given up */
#define CHECK_EVERY 20000 /* steps of SQLite's machine between looks at the clock */
#define MATCH_MAX   16384 /* 64 terms with operators and column names take less */
#define SEQ_NONE    INT64_MAX

enum how_found {
    FOUND_BY_WORD,
    FOUND_BY_RANK,
    FOUND_BY_WORD_DATED,
    FOUND_ANY,
    FOUND_ANY_DATED,
    FOUND
};

struct search_finder {
    struct secret *keys; /* struct token_keys */
    sqlite3 *db;
    sqlite3_stmt *find[FOUND];
    sqlite3_stmt *days;
    sqlite3_stmt *newest;
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
    for (size_t i = 0; i < FOUND; i++) {
        (void)sqlite3_finalize(f->find[i]);
    }
    (void)sqlite3_finalize(f->days);
    (void)sqlite3_finalize(f->newest);
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

#define BOUNDS " AND letter.at >= ?4 AND letter.at < ?5 AND letter.size > ?6 AND letter.size < ?7"
#define BY_WORD(score)                                                                             \
    "SELECT letter.seq, letter.at, " score " FROM words CROSS JOIN letter"                         \
    " ON letter.seq = words.rowid WHERE words MATCH ?1"                                            \
    " AND words.rowid >= ?2 AND words.rowid <= ?3" BOUNDS " ORDER BY words.rowid DESC LIMIT ?8"

#define ANY(score)                                                                                 \
    "SELECT seq, at, " score " FROM letter WHERE seq >= ?2 AND seq <= ?3" BOUNDS                   \
    " ORDER BY seq DESC LIMIT ?8"

static bool prepare(struct search_finder *f, struct error *e)
{
    return search_db_prepare(f->db, BY_WORD("0"), &f->find[FOUND_BY_WORD], e) &&
           search_db_prepare(f->db, BY_WORD("score(words)"), &f->find[FOUND_BY_RANK], e) &&
           search_db_prepare(f->db, BY_WORD("letter.at"), &f->find[FOUND_BY_WORD_DATED], e) &&
           search_db_prepare(f->db, ANY("0"), &f->find[FOUND_ANY], e) &&
           search_db_prepare(f->db, ANY("at"), &f->find[FOUND_ANY_DATED], e) &&
           search_db_prepare(f->db,
                             "SELECT ifnull(min(low), 1), ifnull(max(high), 0) FROM day"
                             " WHERE day >= ?1 AND day <= ?2",
                             &f->days, e) &&
           search_db_prepare(f->db, "SELECT ifnull(max(seq), 0) FROM letter", &f->newest, e) &&
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

static void write_fields(struct buf *out, const struct query_node *node)
{
    if (node->mark) {
        buf_printf(out, "%s : ", search_columns[0]);
        return;
    }
    for (size_t i = 1, written = 0; node->fields && i < TEXT_FIELDS; i++) {
        if (node->fields & 1u << i) {
            buf_printf(out, "%s%s", written++ ? " " : "{", search_columns[i]);
        }
    }
    buf_add_text(out, node->fields ? "} : " : "");
}

static void write_phrase(struct buf *out, const struct token_keys *keys,
                         const struct query_node *node)
{
    for (size_t i = 0; i < node->n_terms; i++) {
        const struct query_term *term = &node->terms[i];
        buf_printf(out, "%s%016" PRIx64, i ? " " : "\"", token_of(keys, term->bytes));
        if (term->variant.len) {
            buf_printf(out, "|%016" PRIx64, token_of(keys, term->variant));
        }
    }
    buf_add_text(out, "\"");
}

/* The phrases of a NEAR, the first one first. As deep as QUERY_TERMS_MAX. */
static const struct query_node *write_near(struct buf *out, const struct token_keys *keys,
                                           const struct query_node *node)
{
    const struct query_node *first = node;

    if (node->kind == QUERY_PHRASE) {
        write_fields(out, node);
        buf_add_text(out, "NEAR(");
        write_phrase(out, keys, node);
    } else {
        first = write_near(out, keys, node->left);
        buf_add_text(out, " ");
        write_phrase(out, keys, node->right);
    }
    return first;
}

/* As deep as the tree, which QUERY_TERMS_MAX and QUERY_DEPTH_MAX bound. */
void match_write(struct buf *out, const struct token_keys *keys, const struct query_node *node)
{
    static const char *const operators[] = {
        [QUERY_AND] = " AND ", [QUERY_OR] = " OR ", [QUERY_NOT] = " NOT "};

    if (node->kind == QUERY_PHRASE) {
        write_fields(out, node);
        write_phrase(out, keys, node);
        return;
    }
    if (node->kind == QUERY_NEAR_EACH) {
        (void)write_near(out, keys, node);
        buf_printf(out, ", %u)", node->distance);
        return;
    }
    buf_add_text(out, "(");
    match_write(out, keys, node->left);
    buf_add_text(out, operators[node->kind]);
    match_write(out, keys, node->right);
    buf_add_text(out, ")");
}

/* ---- answers ---- */

/* Hits in order, as far as there is room. */
struct collected {
    const struct search_place *place;
    struct search_hit *hits;
    size_t max;
    size_t count;
};

static bool comes_before(uint64_t score, uint64_t seq, const struct search_hit *hit)
{
    return score > hit->score || (score == hit->score && seq > hit->seq);
}

/* Keep a hit when it is behind the page's beginning and among the best. */
static void keep(struct collected *c, const struct search_hit *hit)
{
    const struct search_place *p = c->place;
    const struct search_hit begin = {.seq = p->seq, .score = p->score};
    size_t at = c->count;

    if (p->top && (comes_before(hit->score, hit->seq, &begin) || hit->seq == begin.seq)) {
        return;
    }
    while (at > 0 && comes_before(hit->score, hit->seq, &c->hits[at - 1])) {
        at--;
    }
    if (at == c->max) {
        return;
    }
    c->count += c->count < c->max;
    (void)memmove(&c->hits[at + 1], &c->hits[at], (c->count - at - 1) * sizeof(*c->hits));
    c->hits[at] = *hit;
}

static bool collect(struct search_finder *f, sqlite3_stmt *s, struct collected *c, struct error *e)
{
    int rc = SQLITE_ROW;

    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        const struct search_hit hit = {
            .seq = (uint64_t)sqlite3_column_int64(s, 0),
            .at = (uint64_t)sqlite3_column_int64(s, 1),
            .score = (uint64_t)sqlite3_column_int64(s, 2),
        };
        keep(c, &hit);
    }
    if (rc == SQLITE_INTERRUPT) {
        return error_set(e, ERROR_BUSY,
                         "The search took longer than %d seconds: look for rarer "
                         "words or a shorter time.",
                         WITHIN_MS / 1000);
    }
    return rc == SQLITE_DONE || search_db_error(f->db, e, "cannot search");
}

static int64_t below(uint64_t limit)
{
    return limit && limit < SEQ_NONE ? (int64_t)limit : SEQ_NONE;
}

static int64_t at_least(uint64_t limit)
{
    return limit < SEQ_NONE ? (int64_t)limit : SEQ_NONE;
}

/* Which seqs the letters of these days have; all when no day is named. */
static bool bounds_of(struct search_finder *f, const struct query *q, int64_t *low, int64_t *high,
                      struct error *e)
{
    sqlite3_stmt *s = f->days;

    *low = 0;
    *high = SEQ_NONE;
    if (!q->after_ms && !q->before_ms) {
        return true;
    }
    (void)sqlite3_bind_int64(s, 1, at_least(q->after_ms / SEARCH_DAY_MS));
    (void)sqlite3_bind_int64(s, 2,
                             q->before_ms ? below((q->before_ms - 1) / SEARCH_DAY_MS) : SEQ_NONE);
    bool row = sqlite3_step(s) == SQLITE_ROW;
    if (row) {
        *low = sqlite3_column_int64(s, 0);
        *high = sqlite3_column_int64(s, 1);
    } else {
        (void)search_db_error(f->db, e, "cannot read");
    }
    (void)sqlite3_reset(s);
    return row;
}

static void bind(sqlite3_stmt *s, const struct query *q, const struct search_place *place,
                 int64_t low, int64_t high, size_t limit)
{
    if (place->top && at_least(place->top) < high) {
        high = at_least(place->top);
    }
    if (place->top && place->order == SEARCH_NEWEST && at_least(place->seq) <= high) {
        high = at_least(place->seq) - 1;
    }
    (void)sqlite3_bind_int64(s, 2, low);
    (void)sqlite3_bind_int64(s, 3, high);
    (void)sqlite3_bind_int64(s, 4, at_least(q->after_ms));
    (void)sqlite3_bind_int64(s, 5, below(q->before_ms));
    (void)sqlite3_bind_int64(s, 6, q->larger ? at_least(q->larger) : -1);
    (void)sqlite3_bind_int64(s, 7, below(q->smaller));
    (void)sqlite3_bind_int64(s, 8, (sqlite3_int64)limit);
}

/* How many letters are looked at to fill a page: all, when any may come first. */
static size_t limit_of(const struct search_place *place, const struct query *query, size_t max)
{
    switch (place->order) {
    case SEARCH_RELEVANT:
        return query->root ? SEARCH_RANKED : max;
    case SEARCH_DATED:
        return SEQ_NONE;
    case SEARCH_NEWEST:
    case SEARCH_ORDERS:
        break;
    }
    return max;
}

static enum how_found how_to_find(const struct search_place *place, const struct query *query)
{
    bool dated = place->order == SEARCH_DATED;

    if (!query->root) {
        return dated ? FOUND_ANY_DATED : FOUND_ANY;
    }
    return dated                             ? FOUND_BY_WORD_DATED
           : place->order == SEARCH_RELEVANT ? FOUND_BY_RANK
                                             : FOUND_BY_WORD;
}

/* Within one reading of the file. */
static bool find_in(struct search_finder *f, sqlite3_stmt *s, const struct query *query,
                    struct collected *c, struct error *e)
{
    OWN(buf) struct buf match = {.max = MATCH_MAX};
    int64_t low = 0;
    int64_t high = 0;

    if (query->root) {
        match_write(&match, keys_of(f), query->root);
        if (match.full) {
            return error_set(e, ERROR_LIMIT, "The query is too long.");
        }
        (void)sqlite3_bind_text(s, 1, (const char *)match.ptr, (int)match.len, SQLITE_STATIC);
    }
    if (!bounds_of(f, query, &low, &high, e)) {
        return false;
    }
    bind(s, query, c->place, low, high, limit_of(c->place, query, c->max));
    bool found = collect(f, s, c, e);
    (void)sqlite3_reset(s);
    (void)sqlite3_clear_bindings(s);
    return found;
}

/* The newest letter in the index: pages behind the first one know no newer. */
static uint64_t newest(struct search_finder *f)
{
    sqlite3_stmt *s = f->newest;
    uint64_t seq = 0;

    if (sqlite3_step(s) == SQLITE_ROW) {
        seq = (uint64_t)sqlite3_column_int64(s, 0);
    }
    (void)sqlite3_reset(s);
    return seq;
}

bool search_find(struct search_finder *f, const struct query *query, struct search_place *place,
                 struct search_hit *hits, size_t max, size_t *count, struct error *e)
{
    struct collected c = {place, hits, max < SEARCH_PAGE_MAX ? max : SEARCH_PAGE_MAX, 0};

    f->deadline_ms = clock_steady_ms() + WITHIN_MS;
    if (!search_db_begin_reading(f->db, e)) {
        return false;
    }
    uint64_t top = place->top ? place->top : newest(f);
    bool found = find_in(f, f->find[how_to_find(place, query)], query, &c, e);
    sqlite_end_reading(f->db);
    if (!found) {
        return false;
    }
    *count = c.count;
    if (c.count) {
        place->top = top;
        place->seq = hits[c.count - 1].seq;
        place->score = hits[c.count - 1].score;
    }
    return true;
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
