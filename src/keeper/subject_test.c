/* Which letters a person's request means. */
#include "keeper/subject.h"
#include "search/match.h"
#include "tests/test.h"

#define TEXTS(list) ((struct cbor_list){list, sizeof(list) / sizeof((list)[0])})
#define NONE        ((struct cbor_list){NULL, 0})

static bool parses(struct cbor_list addresses, struct cbor_list words)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct query query;
    struct error e = {0};
    bool ok = subject_query(&addresses, &words, &arena, &query, &e);

    assert_true(ok || e.kind == ERROR_INPUT);
    return ok;
}

static void addresses_are_whole(void **unused)
{
    (void)unused;
    struct slice good[] = {SLICE("anna@example.test"), SLICE("Bea@B\xc3\xbc"
                                                             "cher.test")};
    const struct slice bad[] = {SLICE(""),
                                SLICE(" "),
                                SLICE("anna"),
                                SLICE("@example.test"),
                                SLICE("*@example.test"),
                                SLICE("anna@example.test bea@example.test"),
                                SLICE("from:anna@example.test"),
                                SLICE("\"anna@example.test\""),
                                SLICE("(anna@example.test)"),
                                SLICE("-anna@example.test"),
                                SLICE("anna@example.test\xff")};

    assert_true(parses(TEXTS(good), NONE));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct slice one[] = {bad[i]};
        assert_false(parses(TEXTS(one), NONE));
    }
    assert_false(parses(NONE, NONE));
}

static void words_are_a_phrase(void **unused)
{
    (void)unused;
    struct slice good[] = {SLICE("Anna Lenz"), SLICE("OR"), SLICE("NOT paid (x)")};
    struct slice quoted[] = {SLICE("Anna\" OR \"a")};
    struct slice nothing[] = {SLICE("...")};
    char many[3 * SUBJECT_WORD_MAX];
    struct slice words[SUBJECT_WORDS_MAX];

    assert_true(parses(NONE, TEXTS(good)));
    assert_false(parses(NONE, TEXTS(quoted)));
    assert_false(parses(NONE, TEXTS(nothing)));
    for (size_t i = 0; i < sizeof(many); i++) {
        many[i] = i % 2 ? ' ' : 'a';
    }
    struct slice text[] = {slice_of(many, sizeof(many))};
    assert_false(parses(NONE, TEXTS(text)));
    for (size_t i = 0; i < SUBJECT_WORDS_MAX; i++) {
        words[i] = SLICE("a b c d e");
    }
    assert_false(parses(NONE, TEXTS(words))); /* more than a query holds */
}

static enum search_match match(struct slice sender, struct slice recipient)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct slice texts[] = {SLICE("anna@example.test")};
    struct cbor_list addresses = TEXTS(texts);
    struct cbor_list none = NONE;
    const struct search_letter letter = {.seq = 1,
                                         .reading = SEARCH_WHOLE,
                                         .sender = sender,
                                         .recipients = &recipient,
                                         .n_recipients = 1};
    struct query query;
    struct error e;

    assert_ok(subject_query(&addresses, &none, &arena, &query, &e), e);
    return search_match(&query, &letter);
}

/* As sender or recipient of the envelope, whatever the case, and nobody whose address only looks alike. */
static void a_person_is_sender_or_recipient(void **unused)
{
    (void)unused;
    assert_int_equal(match(SLICE("ANNA@example.test"), SLICE("b@x.test")), SEARCH_MATCH_YES);
    assert_int_equal(match(SLICE("b@x.test"), SLICE("anna@Example.test")), SEARCH_MATCH_YES);
    assert_int_equal(match(SLICE("joanna@example.test"), SLICE("b@x.test")), SEARCH_MATCH_NO);
    assert_int_equal(match(SLICE("anna@example.test.org"), SLICE("b@x.test")), SEARCH_MATCH_NO);
    assert_int_equal(match(SLICE("b@x.test"), SLICE("anna@example.testing")), SEARCH_MATCH_NO);
}

static void it_says_whom_it_is_about(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct slice texts[] = {SLICE("a@x.test"), SLICE("b@x.test")};
    struct slice others[] = {SLICE("Anna Lenz")};
    struct cbor_list addresses = TEXTS(texts);
    struct cbor_list words = TEXTS(others);

    assert_slice(subject_text(&addresses, &words, &arena), "a@x.test, b@x.test, \"Anna Lenz\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_whole),
        cmocka_unit_test(words_are_a_phrase),
        cmocka_unit_test(a_person_is_sender_or_recipient),
        cmocka_unit_test(it_says_whom_it_is_about),
    };
    return cmocka_run_group_tests_name("subject", tests, NULL, NULL);
}
