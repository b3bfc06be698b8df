#include <fcntl.h>
#include <grp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "search/find.h"
#include "search/index.h"
#include "search/internal.h"
#include "tests/test.h"

#define STRANGER 61399 /* a user id that owns nothing */
#define FRESH    400   /* letters, each its own transaction: enough for the log to start anew */

static const uint8_t key[SEARCH_KEY_LEN] = {7, 1};
static const uint8_t other_key[SEARCH_KEY_LEN] = {7, 2};

/* A folder with an index in it, made for each test. */
struct place {
    char folder[64];
    char path[96];
    struct search_index *index;
};

static int set_up(void **state)
{
    static struct place p;
    struct error e;

    (void)snprintf(p.folder, sizeof(p.folder), "/tmp/postern-search-XXXXXX");
    assert_non_null(mkdtemp(p.folder));
    (void)snprintf(p.path, sizeof(p.path), "%s/search.db", p.folder);
    (void)umask(027);
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

/* A letter as a row of text. */
struct row {
    uint64_t seq;
    const char *subject;
    const char *body;
    const char *sender;
    const char *recipient;
};

static void write_rows(struct search_index *x, const struct row *rows, size_t count,
                       uint64_t position)
{
    struct search_letter letters[8];
    struct text_terms terms[8];
    struct slice recipients[8];
    struct buf bytes[8];
    struct error e;

    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++) {
        OWN(text_list) struct text_list list;
        text_list_init(&list);
        text_list_add(&list, TEXT_SUBJECT, slice_text(rows[i].subject));
        text_list_add(&list, TEXT_BODY, slice_text(rows[i].body));
        buf_init(&bytes[i], TEXT_LIST_BYTES_MAX);
        text_list_write(&list, &bytes[i]);
        assert_ok(text_terms_read(buf_slice(&bytes[i]), &terms[i], &e), e);
        recipients[i] = slice_text(rows[i].recipient);
        letters[i] = (struct search_letter){
            .seq = rows[i].seq,
            .at = rows[i].seq * 1000,
            .reading = SEARCH_WHOLE,
            .sender = slice_text(rows[i].sender),
            .recipients = &recipients[i],
            .n_recipients = 1,
            .terms = &terms[i],
        };
    }
    assert_ok(search_index_write(x, letters, count, position, &e), e);
    assert_ok(search_index_merge(x, &e), e);
    for (size_t i = 0; i < count; i++) {
        buf_done(&bytes[i]);
    }
}

static const struct row three[] = {
    {30, "Third",        "one two three",             "carl@example.test", "zoe@partner.test"},
    {10, "First offer",  "one two",                   "anna@example.test", "bob@partner.test"},
    {20, "Second Offer", "two one anna@private.test", "anna@example.test", "zoe@partner.test"},
};

/* The hits of a query, "30 20". */
static const char *found_by(struct search_finder *f, const char *text, uint64_t before, size_t max)
{
    static char all[256];
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct search_hit hits[SEARCH_PAGE_MAX];
    struct search_place place = {.top = before ? 1000000 : 0, .seq = before};
    struct query q;
    struct error e;
    size_t count = 0;
    size_t len = 0;

    assert_ok(query_parse(slice_text(text), &arena, &q, &e), e);
    assert_ok(search_find(f, &q, &place, hits, max, &count, &e), e);
    all[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(hits[i].at, hits[i].seq * 1000);
        len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%llu", len ? " " : "",
                                (unsigned long long)hits[i].seq);
    }
    return all;
}

#define assert_found(text, wanted) assert_string_equal(found_by(f, text, 0, 100), wanted)

static void finds(void **state)
{
    struct place *p = *state;
    OWN(search_finder) struct search_finder *f = NULL;
    struct error e;

    write_rows(p->index, three, 3, 31);
    assert_ok(search_finder_open(p->path, SLICE_ARRAY(key), &f, &e), e);
    assert_found("OFFER", "20 10");
    assert_found("nowhere", "");
    assert_found("one two", "30 20 10");
    assert_found("\"one two\"", "30 10");
    assert_found("\"two one\"", "20");
    assert_found("one -three", "20 10");
    assert_found("third OR first", "30 10");
    assert_found("(third OR first) two -three", "10");
    assert_found("subject:one", "");
    assert_found("subject:second", "20");
    assert_found("body:second", "");
    assert_found("from:anna", "20 10");
    assert_found("from:anna@example.test", "20 10");
    assert_found("from:example.test", "30 20 10");
    assert_found("to:anna", "");
    assert_found("anna", "20 10");
    assert_found("anna@private.test", "20");
    assert_found("\"one anna@private.test\"", "20");
    assert_found("to:zoe@partner.test -from:carl", "20");
    /* The words of two fields are no phrase. */
    assert_found("\"offer one\"", "");
}

static void finds_by_date_and_page(void **state)
{
    struct place *p = *state;
    OWN(search_finder) struct search_finder *f = NULL;
    const uint64_t day = 86400;
    const struct row days[] = {
        {1 * day, "", "x", "a@b.c", "d@e.f"},
        {2 * day, "", "x", "a@b.c", "d@e.f"},
        {3 * day, "", "x", "a@b.c", "d@e.f"},
    };
    struct error e;

    write_rows(p->index, days, 3, 0);
    assert_ok(search_finder_open(p->path, SLICE_ARRAY(key), &f, &e), e);
    assert_found("x after:1970-01-03", "259200 172800");
    assert_found("x before:1970-01-03", "86400");
    assert_found("after:1970-01-03 before:1970-01-04", "172800");
    assert_found("after:1970-01-05", "");
    assert_string_equal(found_by(f, "x", 0, 2), "259200 172800");
    assert_string_equal(found_by(f, "x", 172800, 2), "86400");
    assert_string_equal(found_by(f, "after:1970-01-01", 172800, 2), "86400");
}

static void a_removed_letter_is_not_found(void **state)
{
    struct place *p = *state;
    OWN(search_finder) struct search_finder *f = NULL;
    const struct row rows[] = {
        {10, "", "x", "a@b.c", "d@e.f"},
        {20, "", "x", "a@b.c", "d@e.f"},
    };
    struct search_coverage c;
    struct error e;

    write_rows(p->index, rows, 2, 0);
    assert_ok(search_index_remove(p->index, 10, &e), e);
    assert_ok(search_index_remove(p->index, 10, &e), e); /* is there no more */
    assert_ok(search_finder_open(p->path, SLICE_ARRAY(key), &f, &e), e);
    assert_found("x", "20");
    assert_found("from:a@b.c", "20");
    assert_found("after:1970-01-01", "20");
    assert_ok(search_coverage(f, &c, &e), e);
    assert_int_equal(c.letters, 1);
    assert_int_equal(c.partly + c.unread, 0);
    assert_false(search_index_has(p->index, 10));
}

static void keeps_its_position(void **state)
{
    struct place *p = *state;
    OWN(search_finder) struct search_finder *f = NULL;
    struct search_coverage c;
    struct error e;

    assert_int_equal(search_index_position(p->index), 0);
    write_rows(p->index, three, 2, 11);
    assert_true(search_index_has(p->index, 30));
    assert_false(search_index_has(p->index, 20));
    search_index_close(p->index);
    p->index = NULL;
    assert_ok(search_index_open(p->path, SLICE_ARRAY(key), &p->index, &e), e);
    assert_int_equal(search_index_position(p->index), 11);

    /* Healing hands letters in again: those that are there stay single. */
    write_rows(p->index, three, 3, 31);
    struct search_letter unread = {
        .seq = 40, .at = 40000, .reading = SEARCH_UNREAD, .sender = SLICE("lost@example.test")};
    assert_ok(search_index_write(p->index, &unread, 1, 41, &e), e);
    assert_false(search_index_write(p->index, NULL, 0, 40, &e));
    assert_int_equal(e.kind, ERROR_INPUT);

    assert_ok(search_finder_open(p->path, SLICE_ARRAY(key), &f, &e), e);
    assert_ok(search_coverage(f, &c, &e), e);
    assert_int_equal(c.letters, 4);
    assert_int_equal(c.unread, 1);
    assert_int_equal(c.position, 41);
    assert_found("from:anna", "20 10");
    assert_found("from:lost@example.test", "40");
}

static void can_begin_anew(void **state)
{
    struct place *p = *state;
    OWN(search_finder) struct search_finder *f = NULL;
    struct search_coverage c;
    struct error e;

    write_rows(p->index, three, 3, 31);
    assert_ok(search_index_clear(p->index, &e), e);
    assert_int_equal(search_index_position(p->index), 0);
    assert_false(search_index_has(p->index, 10));
    assert_ok(search_finder_open(p->path, SLICE_ARRAY(key), &f, &e), e);
    assert_found("one", "");
    write_rows(p->index, three, 1, 31);
    assert_found("one", "30");
    assert_ok(search_coverage(f, &c, &e), e);
    assert_int_equal(c.letters, 1);
    assert_int_equal(c.position, 31);
}

static void refuses_what_it_does_not_know(void **state)
{
    struct place *p = *state;
    struct search_finder *f = NULL;
    struct search_index *x = NULL;
    struct token_keys keys;
    char missing[256];
    struct error e;

    (void)memcpy(&keys, key, sizeof(keys));
    assert_false(search_finder_open(p->path, SLICE_ARRAY(other_key), &f, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT); /* no page opens: it is made anew */
    assert_false(search_index_open(p->path, slice_of(key, 16), &x, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    search_index_close(p->index);
    p->index = NULL;
    sqlite3 *newer = NULL; /* stands in for a newer program */
    assert_int_equal(pages_open(p->path, SQLITE_OPEN_READWRITE, &keys, &newer), SQLITE_OK);
    assert_int_equal(sqlite3_exec(newer, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(newer), SQLITE_OK);
    assert_false(search_index_open(p->path, SLICE_ARRAY(key), &x, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_non_null(strstr(e.text, "format 99"));
    assert_int_equal(pages_open(p->path, SQLITE_OPEN_READWRITE, &keys, &newer), SQLITE_OK);
    assert_int_equal(sqlite3_exec(newer, "PRAGMA user_version = 1", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(newer), SQLITE_OK);
    assert_false(search_index_open(p->path, SLICE_ARRAY(key), &x, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT); /* older: whoever writes makes it anew */

    FILE *file = fopen(p->path, "wb");
    assert_non_null(file);
    for (size_t i = 0; i < 5000; i++) {
        (void)fputs("no database ", file);
    }
    (void)fclose(file);
    assert_false(search_index_open(p->path, SLICE_ARRAY(key), &x, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_ok(search_index_open_anew(p->path, SLICE_ARRAY(key), &p->index, &e), e);
    assert_int_equal(search_index_position(p->index), 0);
    write_rows(p->index, three, 3, 31);
    assert_true(search_index_has(p->index, 10));
    (void)snprintf(missing, sizeof(missing), "%s/none.db", p->folder);
    assert_false(search_finder_open(missing, SLICE_ARRAY(key), &f, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
}

static bool file_holds(const char *path, struct slice word)
{
    OWN(buf) struct buf b = {.max = 64u << 20};
    FILE *f = fopen(path, "rb");
    size_t n = 1;

    while (f && n > 0) {
        uint8_t *room = buf_room(&b, 65536);
        assert_non_null(room);
        n = fread(room, 1, 65536, f);
        b.len += n;
    }
    if (f) {
        (void)fclose(f);
    }
    return b.len && memmem(b.ptr, b.len, word.ptr, word.len);
}

static void holds_no_readable_word(void **state)
{
    struct place *p = *state;
    static const char *const endings[] = {"", "-wal", "-shm"};
    static const char *const planted[] = {"offer",   "Offer",   "second",       "anna",
                                          "private", "partner", "example.test", "zoe"};
    char path[128];

    write_rows(p->index, three, 3, 31);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", p->path, endings[i]);
        assert_int_equal(access(path, R_OK), 0);
        for (size_t k = 0; k < sizeof(planted) / sizeof(planted[0]); k++) {
            if (file_holds(path, slice_text(planted[k]))) {
                fail_msg("%s holds \"%s\"", path, planted[k]);
            }
        }
    }
    /* Nor one of the schema, which every index has; the check can fail: the file's first words are there. */
    (void)snprintf(path, sizeof(path), "%s-wal", p->path);
    assert_false(file_holds(p->path, SLICE("receiver")) || file_holds(path, SLICE("receiver")));
    assert_true(file_holds(p->path, SLICE("SQLite format 3")));
}

/* What the other process does: find what was written before it came and, without opening again,
 * what is written while it runs. 0 when all is as it should be. */
static int be_the_reader(const struct place *p, gid_t group, int told, int tell)
{
    OWN(search_finder) struct search_finder *f = NULL;
    struct error e;
    char c = 0;

    if (setgroups(0, NULL) != 0 || setresgid(group, group, group) != 0 ||
        setresuid(STRANGER, STRANGER, STRANGER) != 0) {
        return 10;
    }
    if (open(p->path, O_RDWR | O_CLOEXEC) >= 0) {
        return 11; /* it could write: the test shows nothing */
    }
    if (!search_finder_open(p->path, SLICE_ARRAY(key), &f, &e)) {
        (void)fprintf(stderr, "%s\n", e.text);
        return 12;
    }
    if (strcmp(found_by(f, "offer", 0, 100), "20 10") != 0) {
        return 13;
    }
    for (uint64_t seq = 100; seq < 100 + FRESH; seq++) {
        char wanted[64];
        if (write(tell, &c, 1) != 1 || read(told, &c, 1) != 1) {
            return 14;
        }
        (void)snprintf(wanted, sizeof(wanted), "%llu", (unsigned long long)seq);
        if (strcmp(found_by(f, "fresh", 0, 1), wanted) != 0) {
            return 15;
        }
    }
    return 0;
}

/* The reader's process has another user, may read the three files by its group and write none. */
static void another_user_reads_while_we_write(void **state)
{
    struct place *p = *state;
    const gid_t group = 61398;
    static const char *const endings[] = {"", "-wal", "-shm"};
    int told[2];
    int tell[2];
    int status = 0;
    char c = 0;

    if (geteuid() != 0) {
        print_message("skipped: changing the user needs root\n");
        skip();
    }
    write_rows(p->index, three, 3, 31);
    assert_int_equal(chown(p->folder, 0, group), 0);
    assert_int_equal(chmod(p->folder, 0750), 0);
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s%s", p->path, endings[i]);
        assert_int_equal(chown(path, 0, group), 0);
        assert_int_equal(chmod(path, 0640), 0);
    }
    assert_int_equal(pipe2(told, O_CLOEXEC), 0);
    assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        _exit(be_the_reader(p, group, told[0], tell[1]));
    }
    (void)close(tell[1]);
    for (uint64_t seq = 100; seq < 100 + FRESH && read(tell[0], &c, 1) == 1; seq++) {
        const struct row fresh = {seq, "fresh", "words", "a@b.c", "d@e.f"};
        write_rows(p->index, &fresh, 1, seq);
        assert_int_equal(write(told[1], &c, 1), 1);
    }
    (void)close(told[0]);
    (void)close(told[1]);
    (void)close(tell[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_by_date_and_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_removed_letter_is_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_its_position, set_up, tear_down),
        cmocka_unit_test_setup_teardown(can_begin_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_it_does_not_know, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holds_no_readable_word, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_user_reads_while_we_write, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
