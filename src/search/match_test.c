/* One letter against queries, without an index. */
#include "search/internal.h"
#include "search/match.h"
#include "tests/test.h"

static struct text_list list;
static struct buf bytes;
static struct text_terms terms;
static struct arena arena;

static const struct slice to[] = {SLICE_INIT("paula@partner.test"),
                                  SLICE_INIT("hidden@partner.test")};

static struct search_letter letter = {
    .at = 1772668800000, /* 2026-03-05 */
    .size = 5000,
    .reading = SEARCH_WHOLE,
    .marks = SEARCH_ATTACHMENT,
    .account = SLICE_INIT("anna@example.test"),
    .sender = SLICE_INIT("anna@example.test"),
    .recipients = to,
    .n_recipients = 2,
    .terms = &terms,
};

static int begin(void **unused)
{
    struct error e;

    (void)unused;
    arena_init(&arena, 1 << 20);
    text_list_init(&list);
    buf_init(&bytes, 1 << 20);
    text_list_add(&list, TEXT_SUBJECT, SLICE("Your overdue invoice"));
    text_list_add(&list, TEXT_BODY,
                  SLICE("Dear M\xc3\xbcller, the annual report of 2025 is late."));
    text_list_add(&list, TEXT_NAMES, SLICE("report.pdf"));
    text_list_add(&list, TEXT_FROM, SLICE("Anna Lenz <anna@example.test>"));
    text_list_add(&list, TEXT_TO, SLICE("paula@partner.test"));
    text_list_write(&list, &bytes);
    return text_terms_read(buf_slice(&bytes), &terms, &e) ? 0 : -1;
}

static int end(void **unused)
{
    (void)unused;
    text_list_done(&list);
    buf_done(&bytes);
    arena_done(&arena);
    return 0;
}

static enum search_match ask(const char *text)
{
    struct query query;
    struct error e;

    assert_true(query_parse(slice_text(text), &arena, &query, &e));
    return search_match(&query, &letter);
}

static void words_and_phrases(void **unused)
{
    (void)unused;
    static const char *const yes[] = {"invoice",
                                      "INVOICE overdue",
                                      "\"annual report\"",
                                      "\"the annual report of 2025\"",
                                      "subject:invoice",
                                      "body:report",
                                      "name:report",
                                      "muller",
                                      "mueller",
                                      "from:anna",
                                      "from:anna@example.test",
                                      "to:paula@partner.test",
                                      "to:hidden@partner.test",
                                      "to:*@partner.test",
                                      "from:*@example.test",
                                      "invoice OR nothing",
                                      "invoice NOT nothing",
                                      "invoice (nothing OR late)",
                                      "has:attachment",
                                      "after:2026-03-01 invoice",
                                      "before:2026-03-06",
                                      "larger:4K",
                                      "smaller:5K invoice"};
    static const char *const no[] = {"nothing",
                                     "\"report annual\"",
                                     "subject:report",
                                     "body:invoice",
                                     "to:anna@example.test",
                                     "invoice NOT late",
                                     "from:*@partner.test",
                                     "invoice nothing",
                                     "has:unread",
                                     "finding:encrypted",
                                     "after:2026-03-06 invoice",
                                     "before:2026-03-05",
                                     "larger:5K",
                                     "smaller:4K",
                                     "\"invoice dear\"",
                                     "-invoice late"};

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (ask(yes[i]) != SEARCH_MATCH_YES) {
            fail_msg("%s", yes[i]);
        }
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        if (ask(no[i]) != SEARCH_MATCH_NO) {
            fail_msg("%s", no[i]);
        }
    }
}

static void marks_are_those_of_the_letter(void **unused)
{
    (void)unused;
    static const struct slice groups[] = {SLICE_INIT("accounting"), SLICE_INIT("board")};
    unsigned marks = letter.marks;

    assert_int_equal(ask("finding:card"), SEARCH_MATCH_NO);
    letter.marks |= SEARCH_CARD;
    assert_int_equal(ask("finding:card"), SEARCH_MATCH_YES);
    assert_int_equal(ask("finding:iban"), SEARCH_MATCH_NO);
    letter.marks |= SEARCH_IBAN;
    assert_int_equal(ask("finding:iban"), SEARCH_MATCH_YES);
    assert_int_equal(ask("finding:malware"), SEARCH_MATCH_NO);
    letter.marks |= SEARCH_MALWARE;
    assert_int_equal(ask("finding:malware"), SEARCH_MATCH_YES);
    assert_int_equal(ask("finding:unscanned"), SEARCH_MATCH_NO);
    letter.marks |= SEARCH_UNSCANNED;
    assert_int_equal(ask("finding:unscanned"), SEARCH_MATCH_YES);
    letter.marks = marks;
    letter.groups = groups;
    letter.n_groups = 2;
    assert_int_equal(ask("group:board"), SEARCH_MATCH_YES);
    assert_int_equal(ask("group:boards"), SEARCH_MATCH_NO);
    letter.reading =
        SEARCH_UNREAD; /* its record says in which groups it is, whatever its content */
    assert_int_equal(ask("group:boards"), SEARCH_MATCH_NO);
    letter.reading = SEARCH_WHOLE;
    letter.n_groups = 0;
    assert_int_equal(ask("group:board"), SEARCH_MATCH_NO);
}

static void nearness_is_perhaps(void **unused)
{
    (void)unused;
    assert_int_equal(ask("annual NEAR late"), SEARCH_MATCH_PERHAPS);
    assert_int_equal(ask("annual NEAR nothing"), SEARCH_MATCH_NO);
    assert_int_equal(ask("invoice NOT (annual NEAR late)"), SEARCH_MATCH_PERHAPS);
}

static void of_what_was_not_read_all_may_be_true(void **unused)
{
    (void)unused;
    letter.reading = SEARCH_PARTLY;
    assert_int_equal(ask("nothing"), SEARCH_MATCH_PERHAPS);
    assert_int_equal(ask("body:nothing"), SEARCH_MATCH_PERHAPS);
    assert_int_equal(ask("subject:nothing"), SEARCH_MATCH_NO);
    assert_int_equal(ask("invoice NOT nothing"), SEARCH_MATCH_PERHAPS);
    assert_int_equal(ask("nothing before:2026-03-05"), SEARCH_MATCH_NO);
    assert_int_equal(ask("has:unread"), SEARCH_MATCH_YES);
    letter.reading = SEARCH_UNREAD;
    letter.terms = NULL;
    assert_int_equal(ask("subject:nothing"), SEARCH_MATCH_PERHAPS);
    assert_int_equal(ask("to:hidden@partner.test"), SEARCH_MATCH_YES);
    letter.reading = SEARCH_WHOLE;
    letter.terms = &terms;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_and_phrases, begin, end),
        cmocka_unit_test_setup_teardown(marks_are_those_of_the_letter, begin, end),
        cmocka_unit_test_setup_teardown(nearness_is_perhaps, begin, end),
        cmocka_unit_test_setup_teardown(of_what_was_not_read_all_may_be_true, begin, end),
    };
    return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
