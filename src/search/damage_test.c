#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "search/find.h"
#include "search/internal.h"
#include "tests/test.h"

#define SEGMENTS 1900 /* as many as are named in a list at most */

static const uint8_t key[SEARCH_KEY_LEN] = {3, 2};

struct place {
    char folder[64];
    char path[96];
    char other[96];
    struct search_index *index;
};

static int set_up(void **state)
{
    static struct place p;
    struct error e;

    (void)snprintf(p.folder, sizeof(p.folder), "/tmp/postern-damage-XXXXXX");
    assert_non_null(mkdtemp(p.folder));
    (void)snprintf(p.path, sizeof(p.path), "%s/search.db", p.folder);
    (void)snprintf(p.other, sizeof(p.other), "%s/elsewhere.db", p.folder);
    assert_ok(search_index_open(p.path, SLICE_ARRAY(key), &p.index, &e), e);
    *state = &p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;

    search_index_close(p->index);
    return test_remove_folder(p->folder);
}

static bool add(struct search_index *x, uint64_t seq, struct error *e)
{
    struct search_letter letter = {
        .seq = seq, .reading = SEARCH_WHOLE, .sender = SLICE("p@company.example")};

    return search_index_write(x, &letter, 1, seq + 1, e);
}

static void open_anew(struct place *p)
{
    struct error e;

    search_index_close(TAKE(p->index, NULL));
    assert_ok(search_index_open_anew(p->path, SLICE_ARRAY(key), &p->index, &e), e);
}

static bool is_found(const char *path, uint64_t seq)
{
    OWN(search_finder) struct search_finder *f = NULL;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct search_place at = {0};
    struct search_hit hits[4];
    struct query q;
    struct error e;
    size_t count = 0;

    assert_ok(query_parse(SLICE("from:p@company.example"), &arena, &q, &e), e);
    assert_ok(search_finder_open(path, SLICE_ARRAY(key), &f, &e), e);
    assert_ok(search_find(f, &q, &at, hits, 4, &count, &e), e);
    return count > 0 && hits[0].seq == seq;
}

/* ---- what FTS5 stores ---- */

static void change(const char *path, const char *sql, struct slice bytes)
{
    OWN(statement) sqlite3_stmt *s = NULL;
    struct token_keys keys;
    sqlite3 *db = NULL;
    struct error e;

    (void)memcpy(&keys, key, sizeof(keys));
    assert_ok(search_db_open(path, SEARCH_DB_WRITE, &keys, &db, &e), e);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    assert_ok(search_db_prepare(db, sql, &s, &e), e);
    if (bytes.len) {
        (void)sqlite3_bind_blob64(s, 1, bytes.ptr, bytes.len, SQLITE_STATIC);
    }
    assert_int_equal(sqlite3_step(s), SQLITE_DONE);
    (void)sqlite3_finalize(TAKE(s, NULL));
    search_db_close(db);
}

static void set_structure(const char *path, struct slice bytes)
{
    change(path, "UPDATE words_data SET block = ?1 WHERE id = 10", bytes);
}

/* The writer refuses it, now and when it is opened again; the file's pages are sound; made anew, it finds. */
static void comes_back(struct place *p, uint64_t seq)
{
    struct error e;

    assert_false(add(p->index, seq, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_false(search_index_has(p->index, seq));
    assert_true(search_index_is_sound(p->path, SLICE_ARRAY(key)));
    search_index_close(TAKE(p->index, NULL));
    assert_false(search_index_open(p->path, SLICE_ARRAY(key), &p->index, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    open_anew(p);
    assert_ok(add(p->index, seq, &e), e);
    assert_true(is_found(p->path, seq));
}

/* Nothing reads behind its end. */
static void a_damaged_list_is_noticed(void **state)
{
    static const uint8_t too_short[] = {0, 0, 0};
    static const uint8_t cut[] = {0, 0, 0, 1, 1, 1, 5, 0, 1, 1, 1};
    static const uint8_t no_id[] = {0, 0, 0, 1, 1, 1, 5, 0, 1, 0, 1, 9};
    static const uint8_t many[] = {0, 0, 0, 1, 1, 0x8f, 0x51, 5, 0, 0};
    static const uint8_t fewer[] = {0, 0, 0, 1, 1, 2, 5, 0, 1, 1, 1, 1};
    static const uint8_t endless[] = {0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    const struct slice rows[] = {SLICE_ARRAY(too_short), SLICE_ARRAY(cut),   SLICE_ARRAY(no_id),
                                 SLICE_ARRAY(many),      SLICE_ARRAY(fewer), SLICE_ARRAY(endless)};
    struct place *p = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        set_structure(p->path, rows[i]);
        comes_back(p, i + 1);
    }
}

static void a_missing_list_is_noticed(void **state)
{
    struct place *p = *state;

    change(p->path, "DELETE FROM words_data WHERE id = 10", SLICE_NONE);
    comes_back(p, 1);
}

static void add_number(struct buf *b, unsigned value)
{
    if (value > 127) {
        buf_add_byte(b, (uint8_t)(0x80 | value >> 7));
    }
    buf_add_byte(b, value & 0x7f);
}

/* So many that were not merged are no damage; and they are to be merged at once, whatever is due. */
static void too_many_segments_are_no_damage(void **state)
{
    static const uint8_t cookie[] = {0, 0, 0, 1};
    OWN(buf) struct buf list = {.max = 1 << 16};
    struct place *p = *state;
    struct error e;

    buf_add(&list, SLICE_ARRAY(cookie));
    add_number(&list, 1);
    add_number(&list, SEGMENTS);
    add_number(&list, SEGMENTS);
    add_number(&list, 0);
    add_number(&list, SEGMENTS);
    for (unsigned i = 1; i <= SEGMENTS; i++) {
        add_number(&list, i);
        add_number(&list, 1);
        add_number(&list, 1);
    }
    set_structure(p->path, buf_slice(&list));
    assert_false(add(p->index, 1, &e));
    assert_int_equal(e.kind, ERROR_LIMIT);
    assert_false(search_index_merge(p->index, &e)); /* it tries: there are no such leaves */
    assert_int_equal(e.kind, ERROR_CORRUPT);
}

/* ---- merging ---- */

/* However few the words of each, the segments get fewer, also when each is written by a new process. */
static void segments_do_not_become_many(void **state)
{
    struct place *p = *state;
    struct error e;

    for (uint64_t seq = 1; seq <= 300; seq++) {
        if (seq % 50 == 0) {
            search_index_close(TAKE(p->index, NULL));
            assert_ok(search_index_open(p->path, SLICE_ARRAY(key), &p->index, &e), e);
        }
        assert_ok(add(p->index, seq, &e), e);
        assert_ok(search_index_merge(p->index, &e), e);
    }
    assert_true(is_found(p->path, 300));
    OWN(statement) sqlite3_stmt *s = NULL;
    struct token_keys keys;
    sqlite3 *db = NULL;
    (void)memcpy(&keys, key, sizeof(keys));
    assert_ok(search_db_open(p->path, SEARCH_DB_READ, &keys, &db, &e), e);
    assert_ok(search_db_prepare(db, "SELECT count(DISTINCT segid) FROM words_idx", &s, &e), e);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_in_range(sqlite3_column_int64(s, 0), 1, 70);
    (void)sqlite3_finalize(TAKE(s, NULL));
    search_db_close(db);
}

/* A file that went away is not made by who merges; what was written is still found where the file is. */
static void a_merge_that_fails_takes_nothing_back(void **state)
{
    struct place *p = *state;
    struct stat st;
    struct error e;
    bool more = true;

    assert_ok(add(p->index, 5, &e), e);
    assert_int_equal(rename(p->path, p->other), 0);
    assert_false(search_index_tidy(p->index, &more, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_int_not_equal(stat(p->path, &st), 0);
    assert_int_equal(rename(p->other, p->path), 0);
    assert_ok(search_index_tidy(p->index, &more, &e), e);
    assert_true(is_found(p->path, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_damaged_list_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_list_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_segments_are_no_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(segments_do_not_become_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_merge_that_fails_takes_nothing_back, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
