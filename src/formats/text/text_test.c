#include <stdio.h>

#include "formats/text/html.h"
#include "formats/text/terms.h"
#include "formats/text/words.h"
#include "tests/test.h"

/* The terms of a text, each behind a space, a whole marked by "=". */
static const char *terms_of(struct slice text)
{
    static char all[4096];
    struct text_words words;
    struct text_term term;
    size_t len = 0;

    text_words_init(&words, text);
    while (text_words_next(&words, &term)) {
        len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s%.*s", len ? " " : "",
                                term.whole ? "=" : "", SLICE_ARG(term.bytes));
    }
    all[len] = '\0';
    return all;
}

#define assert_terms(text, wanted) assert_string_equal(terms_of(SLICE(text)), wanted)

static void folds_case_and_diacritics(void **unused)
{
    (void)unused;
    assert_terms("", "");
    assert_terms(" ...!\t", "");
    assert_terms("Hello, World", "hello world");
    assert_terms("Müller MÜLLER mu\xcc\x88ller", "muller muller muller");
    assert_terms("Straße STRASSE", "strasse strasse");
    assert_terms("l'été à Noël, œuvre", "l ete a noel oeuvre");
    assert_terms("ﬁx Ｆｕｌｌ Łódź smørrebrød", "fix full lodz smorrebrod");
    assert_terms("Ελλάδα ΕΛΛΆΔΑ", "ελλαδα ελλαδα");
    assert_terms("Россия ЙОД", "россия иод");
    assert_terms("DE89370400440532013000", "de89370400440532013000");
    assert_terms("½", "12");
}

static void joins_what_looks_joined(void **unused)
{
    (void)unused;
    assert_terms("Donau\xc2\xad"
                 "dampf zero\xe2\x80\x8bwidth",
                 "donaudampf zerowidth");
    assert_terms("don\xe2\x80\x99t rot-grün a_b", "don t rot grun a b");
}

static void splits_scripts_without_spaces(void **unused)
{
    (void)unused;
    assert_terms("東京に", "東 京 に");
    assert_terms("X東Y", "x 東 y");
}

static void keeps_addresses_whole_and_in_parts(void **unused)
{
    (void)unused;
    assert_terms("Write to Anna.Lenz@Example.Test.",
                 "write to =anna.lenz@example.test anna lenz example test");
    assert_terms("<mailto:a+b=c@x-y.test>", "mailto =a+b=c@x-y.test a b c x y test");
    assert_terms("müller@exämple.test", "=muller@example.test muller example test");
    assert_terms("@handle a@ a@@b x @ y", "handle a a b x y");
    assert_terms("a@b@c.test", "=a@b a b c test");
    assert_terms("a@.test", "a test");
}

static void keeps_numbers_whole_and_in_parts(void **unused)
{
    (void)unused;
    assert_terms("1.234,50 EUR", "=123450 1 234 50 eur");
    assert_terms("on 2026-11-24.", "on =20261124 2026 11 24");
    assert_terms("v1.2.3 3.5mm 12. 7", "v1 =23 2 3 3 5mm 12 7");
    assert_terms("5Ж 1.Ж 1.5Ж", "5ж 1 ж 1 5ж");
    assert_terms("1.2@x.test", "=1.2@x.test 1 2 x test");
}

static void cuts_at_the_limit(void **unused)
{
    (void)unused;
    uint8_t text[200];
    struct text_words words;
    struct text_term term;

    (void)memset(text, 'a', sizeof(text));
    text_words_init(&words, SLICE_ARRAY(text));
    assert_true(text_words_next(&words, &term));
    assert_int_equal(term.bytes.len, TEXT_TERM_MAX);
    assert_false(text_words_next(&words, &term));

    /* A character that does not fit whole is left out, and so is all behind it. */
    text[63] = 0xd0;
    text[64] = 0xb0;
    text_words_init(&words, SLICE_ARRAY(text));
    assert_true(text_words_next(&words, &term));
    assert_int_equal(term.bytes.len, 63);
    assert_false(text_words_next(&words, &term));
}

static void survives_broken_utf8(void **unused)
{
    (void)unused;
    assert_terms("ab\xff"
                 "cd \xc3",
                 "ab cd");
    assert_terms("a\xed\xa0\x80"
                 "b",
                 "a b");
    assert_terms("a\0b", "a b");
}

static const char *html(const char *in)
{
    static char text[4096];
    OWN(buf) struct buf out = {.max = sizeof(text) - 1};
    text_from_html(slice_text(in), &out);
    (void)memcpy(text, out.ptr ? (char *)out.ptr : "", out.len);
    text[out.len] = '\0';
    return text;
}

static void html_becomes_text(void **unused)
{
    (void)unused;
    assert_string_equal(html("ho<b>use</b> &amp; home"), "house & home");
    assert_string_equal(html("<td>a</td><td>b"), "\na\n\nb");
    assert_string_equal(html("a<script>var x='<b>';</script>b"), "a\n\nb");
    assert_string_equal(html("<STYLE>p{}</style >x"), "\n\nx");
    assert_string_equal(html("<script>never closed"), "\n");
    assert_string_equal(html("a<!-- c > d -->b<!-->c<!-- open"), "abc");
    assert_string_equal(html("<a title='x>y' href=\"z>\">l</a>"), "l");
    assert_string_equal(html("1 < 2 && 3 <4> <"), "1 < 2 && 3 <4> <");
    assert_string_equal(html("<!DOCTYPE html><?php x ?>t"), "t");
    assert_string_equal(html("<p"), "\n");
}

static void html_references(void **unused)
{
    (void)unused;
    assert_string_equal(html("M&uuml;ller&nbsp;&szlig"), "Müller\xc2\xa0ß");
    assert_string_equal(html("&#233;&#xE9;&#X20ac;&#128512;"), "éé€😀");
    assert_string_equal(html("&#150;"), "–");
    assert_string_equal(html("&#0;&#xD800;&#99999999999;"), "���");
    assert_string_equal(html("&unknown; &; &# &#x"), "&unknown; &; &# &#x");
}

static void html_stops_at_the_limit(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 4};
    text_from_html(SLICE("abcdef"), &out);
    assert_true(out.full);
    assert_slice(buf_slice(&out), "abcd");
}

static void list_round_trip(void **unused)
{
    (void)unused;
    OWN(text_list) struct text_list list;
    OWN(buf) struct buf out = {.max = TEXT_LIST_BYTES_MAX};
    struct text_terms terms;
    struct text_term term;
    struct error e;

    text_list_init(&list);
    text_list_add(&list, TEXT_TO, SLICE("a@b.test"));
    text_list_add(&list, TEXT_SUBJECT, SLICE("Two words"));
    text_list_write(&list, &out);
    assert_ok(text_terms_read(buf_slice(&out), &terms, &e), e);
    assert_int_equal(terms.count, 6);
    assert_int_equal(terms.fields[TEXT_BODY].len, 0);

    struct slice rest = terms.fields[TEXT_SUBJECT];
    assert_true(text_terms_next(&rest, &term));
    assert_slice(term.bytes, "two");
    assert_true(text_terms_next(&rest, &term));
    assert_slice(term.bytes, "words");
    assert_false(text_terms_next(&rest, &term));
    rest = terms.fields[TEXT_TO];
    assert_true(text_terms_next(&rest, &term));
    assert_slice(term.bytes, "a@b.test");
    assert_true(term.whole);
}

static void list_is_cut_at_the_limit(void **unused)
{
    (void)unused;
    OWN(text_list) struct text_list list;
    OWN(buf) struct buf text = {.max = 8u << 20};
    OWN(buf) struct buf out = {.max = TEXT_LIST_BYTES_MAX};
    struct text_terms terms;
    struct error e;

    for (size_t i = 0; i < (4u << 20); i++) {
        buf_add_text(&text, "a ");
    }
    text_list_init(&list);
    text_list_add(&list, TEXT_BODY, buf_slice(&text));
    assert_true(list.cut);
    assert_int_equal(list.count, TEXT_TERMS_MAX);
    text_list_write(&list, &out);
    assert_false(out.full);
    assert_ok(text_terms_read(buf_slice(&out), &terms, &e), e);
    assert_int_equal(terms.count, TEXT_TERMS_MAX);
}

static void malformed_lists_are_refused(void **unused)
{
    (void)unused;
    static const struct slice bad[] = {
        SLICE_INIT(""),
        SLICE_INIT("PTL2"),
        SLICE_INIT("PTL1\1"),
        SLICE_INIT("PTL1\1\0\0\0\0"),    /* an empty field */
        SLICE_INIT("PTL1\0\2\0\0\0\1a"), /* no such field */
        SLICE_INIT("PTL1\7\2\0\0\0\1a"),
        SLICE_INIT("PTL1\1\3\0\0\0\1a"),              /* longer than the input */
        SLICE_INIT("PTL1\1\2\0\0\0\2a"),              /* a term longer than the field */
        SLICE_INIT("PTL1\1\2\0\0\0\0a"),              /* an empty term */
        SLICE_INIT("PTL1\2\2\0\0\0\1a\1\2\0\0\0\1a"), /* out of order */
        SLICE_INIT("PTL1\1\2\0\0\0\1a\1\2\0\0\0\1a"), /* twice */
    };
    struct text_terms terms;
    struct error e;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(text_terms_read(bad[i], &terms, &e));
        assert_int_equal(e.kind, ERROR_INPUT);
    }
    assert_ok(text_terms_read(SLICE("PTL1"), &terms, &e), e);
    assert_ok(text_terms_read(SLICE("PTL1\1\2\0\0\0\x81"
                                    "a"),
                              &terms, &e),
              e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folds_case_and_diacritics),
        cmocka_unit_test(joins_what_looks_joined),
        cmocka_unit_test(splits_scripts_without_spaces),
        cmocka_unit_test(keeps_addresses_whole_and_in_parts),
        cmocka_unit_test(keeps_numbers_whole_and_in_parts),
        cmocka_unit_test(cuts_at_the_limit),
        cmocka_unit_test(survives_broken_utf8),
        cmocka_unit_test(html_becomes_text),
        cmocka_unit_test(html_references),
        cmocka_unit_test(html_stops_at_the_limit),
        cmocka_unit_test(list_round_trip),
        cmocka_unit_test(list_is_cut_at_the_limit),
        cmocka_unit_test(malformed_lists_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
