#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "search/find.h"
#include "search/index.h"
#include "tests/test.h"

static const uint8_t key[SEARCH_KEY_LEN] = {9};

struct place {
    char folder[64];
    char path[96];
    struct search_index *index;
    struct search_finder *finder;
};

/* A letter, as words. */
struct written {
    uint64_t seq;
    uint64_t at;
    uint64_t size;
    unsigned marks;
    enum search_reading reading;
    const char *account, *subject, *body, *names, *from, *to, *cc, *envelope;
};

static const struct written letters[] = {
    {10, 86400000,     1000,    0,                                    SEARCH_WHOLE,  "anna@example.test", "Invoice overdue",
     "The invoice of Mueller is overdue since May",                                                                                                                                                                          "",             "anna@example.test", "bob@supplier.example",
     "",                                                                                                                                                                                                                                                                                                            "bob@supplier.example"   },
    {20, 2 * 86400000, 200000,  SEARCH_ATTACHMENT | SEARCH_ENCRYPTED, SEARCH_PARTLY,
     "carl@example.test",                                                                                 "Gr\xc3\xbc\xc3\x9f"
     "e",                                                                                           "invoice one two three four five six seven eight nine ten eleven twelve overdue M\xc3\xbcller",
     "plan.pdf",                                                                                                                                                                                                                             "carl@example.test", "eve@other.example",      "bob@supplier.example",
     "eve@other.example"                                                                                                                                                                                                                                                                                                                     },
    {30, 3 * 86400000, 5000000, SEARCH_ATTACHMENT | SEARCH_MISMATCH,  SEARCH_WHOLE,
     "anna@example.test",                                                                                 "Invoice invoice", "invoice overdue invoice \xc5\x93uvre",                                                         "invoice.docx",
     "anna@example.test",                                                                                                                                                                                                                                         "x@sub.supplier.example", "",                     "hidden@supplier.example"},
};

static void write_letter(struct place *p, const struct written *w)
{
    OWN(text_list) struct text_list list;
    OWN(buf) struct buf bytes = {.max = TEXT_LIST_BYTES_MAX};
    struct text_terms terms;
    struct error e;

    text_list_init(&list);
    text_list_add(&list, TEXT_SUBJECT, slice_text(w->subject));
    text_list_add(&list, TEXT_BODY, slice_text(w->body));
    text_list_add(&list, TEXT_NAMES, slice_text(w->names));
    text_list_add(&list, TEXT_FROM, slice_text(w->from));
    text_list_add(&list, TEXT_TO, slice_text(w->to));
    text_list_add(&list, TEXT_CC, slice_text(w->cc));
    text_list_write(&list, &bytes);
    assert_ok(text_terms_read(buf_slice(&bytes), &terms, &e), e);
    const struct slice recipient = slice_text(w->envelope);
    struct search_letter letter = {
        .seq = w->seq,
        .at = w->at,
        .size = w->size,
        .reading = w->reading,
        .marks = w->marks,
        .account = slice_text(w->account),
        .sender = slice_text(w->from),
        .recipients = &recipient,
        .n_recipients = 1,
        .terms = &terms,
    };
    assert_ok(search_index_write(p->index, &letter, 1, w->seq + 1, &e), e);
}

static int set_up(void **state)
{
    static struct place p;
    struct error e;

    (void)snprintf(p.folder, sizeof(p.folder), "/tmp/postern-find-XXXXXX");
    assert_non_null(mkdtemp(p.folder));
    (void)snprintf(p.path, sizeof(p.path), "%s/search.db", p.folder);
    assert_ok(search_index_open(p.path, SLICE_ARRAY(key), &p.index, &e), e);
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        write_letter(&p, &letters[i]);
    }
    assert_ok(search_finder_open(p.path, SLICE_ARRAY(key), &p.finder, &e), e);
    *state = &p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;

    search_finder_close(p->finder);
    search_index_close(p->index);
    return test_remove_folder(p->folder);
}

static const char *page(struct place *p, const struct query *query, struct search_place *place,
                        size_t max)
{
    static char all[256];
    struct search_hit hits[SEARCH_PAGE_MAX];
    struct error e;
    size_t count = 0;
    size_t len = 0;

    assert_ok(search_find(p->finder, query, place, hits, max, &count, &e), e);
    all[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%llu", len ? " " : "",
                                (unsigned long long)hits[i].seq);
    }
    return all;
}

static const char *found_as(struct place *p, const char *text, const char *account)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct search_place place = {0};
    struct query query = {0};
    struct error e;

    if (*text) {
        assert_ok(query_parse(slice_text(text), &arena, &query, &e), e);
    }
    if (account) {
        query_narrow(&query, slice_text(account), &arena);
    }
    return page(p, &query, &place, 100);
}

#define assert_found(text, wanted) assert_string_equal(found_as(*state, text, NULL), wanted)

static void near_each_other(void **state)
{
    assert_found("invoice NEAR overdue", "30 10");
    assert_found("invoice NEAR/20 overdue", "30 20 10");
    assert_found("overdue NEAR \"the invoice\"", "10");
    assert_found("subject:invoice NEAR overdue", "10");
    assert_found("invoice NEAR overdue NEAR may", "10");
}

static void fields_and_marks(void **state)
{
    assert_found("to:*@supplier.example", "30 20 10");
    assert_found("to:@other.example", "20");
    assert_found("cc:*@supplier.example", "20");
    assert_found("cc:bob@supplier.example", "20");
    assert_found("to:*@sub.supplier.example", "30");
    assert_found("from:*@supplier.example", "");
    assert_found("filename:invoice", "30");
    assert_found("has:attachment", "30 20");
    assert_found("has:attachment -has:unread", "30");
    assert_found("finding:encrypted OR finding:mismatch", "30 20");
    assert_found("larger:100K", "30 20");
    assert_found("larger:100K smaller:1M", "20");
    assert_found("invoice smaller:1000", "");
    assert_found("after:1970-01-03 before:1970-01-04 invoice", "20");
    assert_found("after:1971", "");
    assert_found("before:1970-02", "30 20 10");
}

static void spellings(void **state)
{
    assert_found("m\xc3\xbcller", "20 10");
    assert_found("Mueller", "20 10");
    assert_found("\"of mueller is\"", "10");
    assert_found("gruesse", "20");
    assert_found("GR\xc3\x9cSSE", "20");
    assert_found("oeuvre", "30");
}

static void narrowed_to_an_account(void **state)
{
    struct place *p = *state;

    assert_string_equal(found_as(p, "", "anna@example.test"), "30 10");
    assert_string_equal(found_as(p, "invoice OR overdue OR carl", "carl@example.test"), "20");
    assert_string_equal(found_as(p, "larger:10", "carl@example.test"), "20");
    assert_string_equal(found_as(p, "invoice", "nobody@example.test"), "");
}

/* Another letter that comes between two pages is on none of them. */
static void pages_stand_still(void **state)
{
    static const struct written late = {
        40,        4 * 86400000LL, 10,         0,  SEARCH_WHOLE, "", "invoice invoice", "invoice",
        "invoice", "a@b.test",     "c@d.test", "", "c@d.test"};
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct place *p = *state;
    struct query query;
    struct error e;

    assert_ok(query_parse(SLICE("invoice"), &arena, &query, &e), e);
    for (unsigned order = SEARCH_NEWEST; order <= SEARCH_RELEVANT; order++) { /* dates: below */
        struct search_place place = {.order = order ? SEARCH_RELEVANT : SEARCH_NEWEST};
        assert_string_equal(page(p, &query, &place, 1), "30");
        if (!order) {
            write_letter(p, &late);
        }
        assert_string_equal(page(p, &query, &place, 1), order ? "40" : "20");
        assert_string_equal(page(p, &query, &place, 5), order ? "10 20" : "10");
        assert_string_equal(page(p, &query, &place, 5), "");
    }
}

/* What was imported last may be the oldest. */
static void letters_stand_by_their_own_dates(void **state)
{
    static const struct written old = {
        60,        1 * 86400000LL + 1, 10,         0,          SEARCH_WHOLE, "",        "invoice",
        "invoice", "invoice",          "a@b.test", "c@d.test", "",           "c@d.test"};
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct place *p = *state;
    struct query query;
    struct error e;

    write_letter(p, &old);
    assert_ok(query_parse(SLICE("invoice"), &arena, &query, &e), e);
    struct search_place newest = {.order = SEARCH_NEWEST};
    assert_string_equal(page(p, &query, &newest, 9), "60 30 20 10");
    struct search_place dated = {.order = SEARCH_DATED};
    assert_string_equal(page(p, &query, &dated, 2), "30 20");
    assert_string_equal(page(p, &query, &dated, 2), "60 10");
    assert_string_equal(page(p, &query, &dated, 2), "");
    query = (struct query){0};
    dated = (struct search_place){.order = SEARCH_DATED};
    assert_string_equal(page(p, &query, &dated, 3), "30 20 60");
    assert_string_equal(page(p, &query, &dated, 3), "10");
}

/* Whatever is changed on the disk, what is found is right, or nothing is and the reason is said. */
static void damage_is_noticed(void **state)
{
    struct place *p = *state;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct query query;
    struct error e;
    size_t noticed = 0;

    assert_ok(query_parse(SLICE("invoice"), &arena, &query, &e), e);
    search_finder_close(TAKE(p->finder, NULL));
    search_index_close(TAKE(p->index, NULL)); /* and what is in the log goes into the file */
    OWN(fd) int fd = open(p->path, O_RDWR | O_CLOEXEC);
    off_t size = lseek(fd, 0, SEEK_END);
    assert_true(size >= 5 * (off_t)4096);
    for (off_t at = 700; at < size; at += 1031) {
        struct search_hit hits[4];
        struct search_place place = {0};
        size_t count = 0;
        uint8_t was = 0;
        assert_int_equal(pread(fd, &was, 1, at), 1);
        const uint8_t is = was ^ 0x10;
        assert_int_equal(pwrite(fd, &is, 1, at), 1);
        bool found = search_finder_open(p->path, SLICE_ARRAY(key), &p->finder, &e) &&
                     search_find(p->finder, &query, &place, hits, 4, &count, &e);
        if (found ? count != 3 : e.kind != ERROR_CORRUPT) {
            fail_msg("byte %lld: %zu found, %s", (long long)at, count, found ? "" : e.text);
        }
        noticed += !found;
        search_finder_close(TAKE(p->finder, NULL));
        assert_int_equal(search_index_is_sound(p->path, SLICE_ARRAY(key)), false);
        assert_int_equal(pwrite(fd, &was, 1, at), 1);
    }
    assert_true(noticed > 0);
    assert_true(search_index_is_sound(p->path, SLICE_ARRAY(key)));
}

/* Somebody removed the file, or put another one in its place. */
static void absence_is_noticed(void **state)
{
    struct place *p = *state;
    struct error e;

    assert_true(search_index_is_there(p->index));
    assert_int_equal(unlink(p->path), 0);
    assert_false(search_index_is_there(p->index));
    search_index_close(TAKE(p->index, NULL));
    assert_ok(search_index_open(p->path, SLICE_ARRAY(key), &p->index, &e), e);
    assert_true(search_index_is_there(p->index));
    assert_int_equal(search_index_position(p->index), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(near_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fields_and_marks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(spellings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(narrowed_to_an_account, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_stand_still, set_up, tear_down),
        cmocka_unit_test_setup_teardown(letters_stand_by_their_own_dates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absence_is_noticed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
