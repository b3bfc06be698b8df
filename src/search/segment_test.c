#include <stdio.h>
#include <unistd.h>

#include "search/find.h"
#include "search/match.h"
#include "search/segment.h"
#include "tests/test.h"

#define LETTERS   160
#define WORDS     900 /* that letters are made of: frequent ones often */
#define QUESTIONS 400
#define BATCH     7
#define REMOVED   24  /* letters; half of them come again */
#define CROWD     400 /* letters that are imported at once */
#define CROWDS    6

static const uint8_t key[SEARCH_KEY_LEN] = {3, 1};

struct place {
    char folder[64];
    char path[96];
};

static int set_up(void **state)
{
    static struct place p;

    (void)snprintf(p.folder, sizeof(p.folder), "/tmp/postern-segment-XXXXXX");
    assert_non_null(mkdtemp(p.folder));
    (void)snprintf(p.path, sizeof(p.path), "%s/search.db", p.folder);
    *state = &p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;

    return test_remove_folder(p->folder);
}

static uint64_t mix(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static unsigned draw_word(uint64_t *dice)
{
    return (unsigned)(mix(dice) % (mix(dice) % WORDS + 1));
}

/* ---- letters ---- */

struct letters {
    struct search_letter items[LETTERS];
    struct text_terms terms[LETTERS];
    struct buf bytes[LETTERS];
    char senders[LETTERS][32];
    bool gone[LETTERS]; /* not in the index, or no more */
};

static void write_text(struct buf *text, uint64_t *dice, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        buf_printf(text, "word%u ", draw_word(dice));
    }
}

/* Short ones, some of many thousand words, and each ninth one of a single word, many times. */
static void make_letter(struct letters *l, size_t i, uint64_t seq, uint64_t *dice)
{
    OWN(text_list) struct text_list list;
    OWN(buf) struct buf text = {.max = 1 << 20};
    struct error e;

    text_list_init(&list);
    write_text(&text, dice, mix(dice) % 6);
    text_list_add(&list, TEXT_SUBJECT, buf_slice(&text));
    buf_reset(&text);
    write_text(&text, dice, i % 40 == 3 ? 20000 : 20 + mix(dice) % 200);
    for (size_t n = 0; i % 9 == 5 && n < 9000; n++) {
        buf_add_text(&text, "same ");
    }
    text_list_add(&list, TEXT_BODY, buf_slice(&text));
    buf_init(&l->bytes[i], TEXT_LIST_BYTES_MAX);
    text_list_write(&list, &l->bytes[i]);
    assert_ok(text_terms_read(buf_slice(&l->bytes[i]), &l->terms[i], &e), e);
    (void)snprintf(l->senders[i], sizeof(l->senders[i]), "p%u@company.example",
                   draw_word(dice) % 20);
    l->items[i] = (struct search_letter){
        .seq = seq,
        .at = 1000 * (uint64_t)i,
        .reading = SEARCH_WHOLE,
        .marks = i % 4 == 0 ? SEARCH_ATTACHMENT : 0,
        .sender = slice_text(l->senders[i]),
        .terms = &l->terms[i],
    };
}

/* Numbers near each other, far apart, and larger than any that a ledger gives. */
static void make_letters(struct letters *l, uint64_t *dice)
{
    uint64_t seq = 0;

    for (size_t i = 0; i < LETTERS; i++) {
        seq += 1 + mix(dice) % 6 + (i == 50 ? UINT64_C(1) << 40 : 0) +
               (i == 120 ? UINT64_C(1) << 61 : 0);
        make_letter(l, i, seq, dice);
    }
}

static void free_letters(struct letters *l)
{
    for (size_t i = 0; i < LETTERS; i++) {
        buf_done(&l->bytes[i]);
    }
}

/* ---- looking ---- */

static void fts5_finds_no_fault(const char *path)
{
    struct token_keys keys;
    sqlite3 *db = NULL;
    struct error e;

    (void)memcpy(&keys, key, sizeof(keys));
    assert_ok(search_db_open(path, SEARCH_DB_WRITE, &keys, &db, &e), e);
    assert_ok(search_db_run(db, "INSERT INTO words(words) VALUES('integrity-check')", &e), e);
    search_db_close(db);
}

static void write_question(char *text, size_t room, uint64_t *dice)
{
    unsigned a = draw_word(dice);
    unsigned b = draw_word(dice);

    switch (mix(dice) % 7) {
    case 0:
        (void)snprintf(text, room, "\"word%u word%u\"", a, b);
        break;
    case 1:
        (void)snprintf(text, room, "subject:word%u", a);
        break;
    case 2:
        (void)snprintf(text, room, "word%u word%u", a, b);
        break;
    case 3:
        (void)snprintf(text, room, "from:p%u@company.example word%u", a % 20, b);
        break;
    case 4:
        (void)snprintf(text, room, "has:attachment word%u", a);
        break;
    case 5:
        (void)snprintf(text, room, "\"same same\" has:attachment");
        break;
    default:
        (void)snprintf(text, room, "word%u", a);
        break;
    }
}

/* What the index says is what reading each letter says; how many were found. */
static size_t finds_what_is_there(struct search_finder *f, const struct letters *l, uint64_t *dice)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct search_hit hits[LETTERS];
    size_t all = 0;
    char text[128];
    struct error e;

    for (size_t n = 0; n < QUESTIONS; n++) {
        struct search_place at = {0};
        struct query q;
        size_t count = 0;
        size_t found = 0;
        arena_reset(&arena);
        write_question(text, sizeof(text), dice);
        assert_ok(query_parse(slice_text(text), &arena, &q, &e), e);
        assert_ok(search_find(f, &q, &at, hits, LETTERS, &count, &e), e);
        for (size_t i = LETTERS; i-- > 0;) {
            if (!l->gone[i] && search_match(&q, &l->items[i]) == SEARCH_MATCH_YES) {
                assert_true(found < count);
                assert_int_equal(hits[found++].seq, l->items[i].seq);
            }
        }
        assert_int_equal(found, count);
        all += count;
    }
    return all;
}

static void is_all_found(const char *path, const struct letters *l, uint64_t *dice)
{
    OWN(search_finder) struct search_finder *f = NULL;
    struct error e;

    assert_ok(search_finder_open(path, SLICE_ARRAY(key), &f, &e), e);
    assert_true(finds_what_is_there(f, l, dice) > QUESTIONS);
}

static int64_t segments_of(const char *path)
{
    OWN(statement) sqlite3_stmt *s = NULL;
    struct token_keys keys;
    sqlite3 *db = NULL;
    struct error e;

    (void)memcpy(&keys, key, sizeof(keys));
    assert_ok(search_db_open(path, SEARCH_DB_READ, &keys, &db, &e), e);
    assert_ok(search_db_prepare(db, "SELECT count(DISTINCT segid) FROM words_idx", &s, &e), e);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t count = sqlite3_column_int64(s, 0);
    (void)sqlite3_finalize(TAKE(s, NULL));
    search_db_close(db);
    return count;
}

/* ---- tests ---- */

static void write_letters(const char *path, struct letters *l, size_t batch)
{
    OWN(search_index) struct search_index *x = NULL;
    struct error e;

    assert_ok(search_index_open(path, SLICE_ARRAY(key), &x, &e), e);
    for (size_t i = 0; i < LETTERS; i += batch) {
        size_t count = i + batch < LETTERS ? batch : LETTERS - i;
        assert_ok(search_index_write(x, &l->items[i], count, 0, &e), e);
        assert_ok(search_index_merge(x, &e), e);
    }
}

/* One segment of all, and many that FTS5 has merged. */
static void fts5_reads_and_merges_what_is_written(void **state)
{
    const struct place *p = *state;
    static struct letters l;
    uint64_t dice = 1;

    make_letters(&l, &dice);
    write_letters(p->path, &l, LETTERS);
    assert_int_equal(segments_of(p->path), 1);
    fts5_finds_no_fault(p->path);
    is_all_found(p->path, &l, &dice);
    assert_int_equal(unlink(p->path), 0);
    write_letters(p->path, &l, BATCH);
    assert_in_range(segments_of(p->path), 1, LETTERS / BATCH / 2); /* FTS5 has merged them */
    fts5_finds_no_fault(p->path);
    is_all_found(p->path, &l, &dice);
    free_letters(&l);
}

static void write_crowd(struct search_index *x, const struct letters *l, uint64_t seq)
{
    static struct search_letter crowd[CROWD];
    struct error e;

    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = l->items[0];
        crowd[i].seq = seq + i;
        crowd[i].terms = &l->terms[i % 3];
    }
    assert_ok(search_index_write(x, crowd, CROWD, 0, &e), e);
    assert_ok(search_index_merge(x, &e), e);
}

static size_t count_found(const char *path, const char *text)
{
    OWN(search_finder) struct search_finder *f = NULL;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    static struct search_hit hits[SEARCH_PAGE_MAX];
    struct search_place at = {0};
    struct query q;
    struct error e;
    size_t count = 0;

    assert_ok(query_parse(slice_text(text), &arena, &q, &e), e);
    assert_ok(search_finder_open(path, SLICE_ARRAY(key), &f, &e), e);
    assert_ok(search_find(f, &q, &at, hits, SEARCH_PAGE_MAX, &count, &e), e);
    return count;
}

/* Some of the letters, in the order that is given. */
static void write_some(struct search_index *x, struct letters *l, const size_t *which, size_t count)
{
    struct search_letter some[LETTERS];
    struct error e;

    for (size_t i = 0; i < count; i++) {
        some[i] = l->items[which[i]];
        l->gone[which[i]] = false;
    }
    assert_ok(search_index_write(x, some, count, 0, &e), e);
}

static void shuffle(size_t *which, uint64_t *dice)
{
    for (size_t i = 0; i < LETTERS; i++) {
        size_t other = mix(dice) % (i + 1);
        which[i] = which[other];
        which[other] = i;
    }
}

static void write_in_batches(struct search_index *x, struct search_finder *f, struct letters *l,
                             const size_t *which, uint64_t *dice)
{
    for (size_t i = 0; i < LETTERS; i += BATCH) {
        write_some(x, l, &which[i], i + BATCH < LETTERS ? BATCH : LETTERS - i);
        if (i == 10 * (size_t)BATCH) {
            assert_true(finds_what_is_there(f, l, dice) > 0);
        }
    }
}

static void tidy_all(struct search_index *x)
{
    struct error e;
    bool more = true;

    for (size_t steps = 0; more; steps++) {
        assert_true(steps < 100);
        assert_ok(search_index_tidy(x, &more, &e), e);
    }
}

/* Segments whose letters lie between those of others, letters that are in two of them, and a finder that was opened
 * before any of it. */
static void one_finder_sees_every_change(void **state)
{
    const struct place *p = *state;
    OWN(search_index) struct search_index *x = NULL;
    OWN(search_finder) struct search_finder *f = NULL;
    static struct letters l;
    size_t which[LETTERS] = {0};
    uint64_t dice = 5;
    struct error e;

    make_letters(&l, &dice);
    (void)memset(l.gone, true, sizeof(l.gone));
    shuffle(which, &dice);
    assert_ok(search_index_open(p->path, SLICE_ARRAY(key), &x, &e), e);
    assert_ok(search_finder_open(p->path, SLICE_ARRAY(key), &f, &e), e);
    write_in_batches(x, f, &l, which, &dice);
    assert_true(finds_what_is_there(f, &l, &dice) > QUESTIONS);
    for (size_t i = 0; i < REMOVED; i++) {
        assert_ok(search_index_remove(x, l.items[which[i]].seq, &e), e);
        l.gone[which[i]] = true;
    }
    assert_true(finds_what_is_there(f, &l, &dice) > QUESTIONS);
    write_some(x, &l, which, REMOVED / 2);
    assert_true(finds_what_is_there(f, &l, &dice) > QUESTIONS);
    assert_int_equal(segments_of(p->path), (LETTERS + BATCH - 1) / BATCH + 1);
    tidy_all(x);
    assert_int_equal(segments_of(p->path), 1);
    assert_true(finds_what_is_there(f, &l, &dice) > QUESTIONS);
    fts5_finds_no_fault(p->path);
    assert_ok(search_index_clear(x, &e), e);
    (void)memset(l.gone, true, sizeof(l.gone));
    assert_int_equal(segments_of(p->path), 0);
    assert_int_equal(finds_what_is_there(f, &l, &dice), 0);
    shuffle(which, &dice);
    write_in_batches(x, f, &l, which, &dice);
    tidy_all(x);
    assert_true(finds_what_is_there(f, &l, &dice) > QUESTIONS);
    free_letters(&l);
}

/* Of mail that is imported more segments stay than of letters that come one by one, until there is nothing to do. */
static void what_is_left_is_merged_by_tidying(void **state)
{
    const struct place *p = *state;
    static struct letters l;
    uint64_t dice = 4;
    struct error e;

    make_letters(&l, &dice);
    OWN(search_index) struct search_index *x = NULL;
    assert_ok(search_index_open(p->path, SLICE_ARRAY(key), &x, &e), e);
    for (size_t i = 0; i < CROWDS; i++) {
        write_crowd(x, &l, 1 + i * CROWD);
    }
    assert_int_equal(segments_of(p->path), CROWDS);
    size_t found = count_found(p->path, "has:attachment");
    assert_int_equal(found, SEARCH_PAGE_MAX);
    tidy_all(x);
    assert_int_equal(segments_of(p->path), 1);
    assert_int_equal(count_found(p->path, "has:attachment"), found);
    fts5_finds_no_fault(p->path);
    free_letters(&l);
}

static void a_token_has_no_zero_byte(void **state)
{
    static const struct token_keys keys = {.token = {9}};
    uint8_t bytes[TOKEN_LEN];
    uint64_t before = 0;
    char word[32];

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        (void)snprintf(word, sizeof(word), "word%u", i);
        uint64_t token = token_of(&keys, slice_text(word));
        token_write(token, bytes);
        assert_null(memchr(bytes, 0, sizeof(bytes)));
        assert_int_equal(bytes[0], token >> 56);
        assert_int_equal(bytes[TOKEN_LEN - 1], token & 0xff);
        assert_int_not_equal(token, before);
        before = token;
    }
}

static void numbers_are_written_as_sqlite_does(void **state)
{
    static const struct {
        uint64_t value;
        size_t len;
        uint8_t first, last;
    } rows[] = {
        {0,                       1, 0,    0   },
        {127,                     1, 127,  127 },
        {128,                     2, 0x81, 0   },
        {16383,                   2, 0xff, 0x7f},
        {16384,                   3, 0x81, 0   },
        {(UINT64_C(1) << 56) - 1, 8, 0xff, 0x7f},
        {UINT64_C(1) << 56,       9, 0x80, 0   },
        {UINT64_MAX,              9, 0xff, 0xff},
    };

    uint8_t bytes[LEAVES_NUMBER_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(leaves_number(bytes, rows[i].value), rows[i].len);
        assert_int_equal(bytes[0], rows[i].first);
        assert_int_equal(bytes[rows[i].len - 1], rows[i].last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fts5_reads_and_merges_what_is_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_finder_sees_every_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_left_is_merged_by_tidying, set_up, tear_down),
        cmocka_unit_test(a_token_has_no_zero_byte),
        cmocka_unit_test(numbers_are_written_as_sqlite_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
