#include "base/buf.h"

#include "search/query.h"
#include "tests/test.h"

static struct arena arena = {.max = 1 << 20};

static void show(struct buf *out, const struct query_node *n)
{
    static const char *const fields[] = {"", "subject:", "body:", "name:", "from:", "to:"};
    static const char *const operators[] = {
        [QUERY_AND] = " & ", [QUERY_OR] = " | ", [QUERY_NOT] = " ! "};

    if (n->kind == QUERY_PHRASE) {
        buf_add_text(out, fields[n->field]);
        for (size_t i = 0; i < n->n_terms; i++) {
            buf_add_text(out, i ? "+" : "");
            buf_add(out, n->terms[i]);
        }
        return;
    }
    buf_add_text(out, "(");
    show(out, n->left);
    buf_add_text(out, operators[n->kind]);
    show(out, n->right);
    buf_add_text(out, ")");
}

static void assert_tree(const char *text, const char *wanted)
{
    OWN(buf) struct buf out = {.max = 4096};
    struct query q;
    struct error e;

    arena_reset(&arena);
    assert_ok(query_parse(slice_text(text), &arena, &q, &e), e);
    if (q.root) {
        show(&out, q.root);
    }
    assert_slice(buf_slice(&out), wanted);
}

static void assert_refused(const char *text, const char *sentence)
{
    struct query q;
    struct error e;

    arena_reset(&arena);
    if (query_parse(slice_text(text), &arena, &q, &e)) {
        fail_msg("accepted: %s", text);
    }
    assert_int_equal(e.kind, ERROR_INPUT);
    if (!strstr(e.text, sentence)) {
        fail_msg("%s: \"%s\" does not say \"%s\"", text, e.text, sentence);
    }
}

static void words_and_phrases(void **unused)
{
    (void)unused;
    assert_tree("Offer", "offer");
    assert_tree("two Words", "(two & words)");
    assert_tree("\"two Words\"", "two+words");
    assert_tree("l'été - x &", "(l+ete & x)");
    assert_tree("and or", "(and & or)");
    assert_tree("foo\"bar baz\"", "(foo & bar+baz)");
    assert_tree("12:30 https://a.test/b", "(1230 & https+a+test+b)");
}

static void wholes(void **unused)
{
    (void)unused;
    assert_tree("Anna@Example.Test", "anna@example.test");
    assert_tree("<anna@example.test>,", "anna@example.test");
    assert_tree("from:anna@example.test", "from:anna@example.test");
    assert_tree("\"anna@example.test\"", "anna+example+test");
    assert_tree("a@b,c@d", "a+b+c+d");
    assert_tree("1.234,50", "123450");
    assert_tree("to:@example.test", "to:example+test");
}

static void fields(void **unused)
{
    (void)unused;
    assert_tree("FROM:anna TO:bob", "(from:anna & to:bob)");
    assert_tree("subject:\"a b\" body:c name:d.pdf", "((subject:a+b & body:c) & name:d+pdf)");
    assert_refused("form:anna", "\"form:\" is no field");
    assert_refused("from: anna", "right behind \"from:\"");
    assert_refused("from:", "right behind \"from:\"");
    assert_refused("from:...", "punctuation");
}

static void operators(void **unused)
{
    (void)unused;
    assert_tree("a OR b c", "(a | (b & c))");
    assert_tree("(a OR b) c", "((a | b) & c)");
    assert_tree("a AND b", "(a & b)");
    assert_tree("a -b NOT c", "(a ! (b | c))");
    assert_tree("a -(b c)", "(a ! (b & c))");
    assert_tree("-\"b c\" a", "(a ! b+c)");
    assert_tree("a-b", "a+b");
    assert_refused("-a", "say also what to look for");
    assert_refused("a OR -b", "say also what to look for");
    assert_refused("AND a", "between two words");
    assert_refused("a AND", "need a word behind");
    assert_refused("a AND OR b", "need a word behind");
    assert_refused("a OR", "between two words");
    assert_refused("OR a", "between two words");
    assert_refused("NOT NOT a", "need a word behind");
    assert_refused("(a", "not closed");
    assert_refused("a)", "was not opened");
    assert_refused("()", "nothing to look for");
    assert_refused("\"a", "not closed");
    assert_refused("\"\"", "punctuation");
    assert_refused("", "empty");
    assert_refused(" & ", "empty");
}

static void dates(void **unused)
{
    (void)unused;
    struct query q;
    struct error e;

    assert_ok(query_parse(SLICE("after:2026-11-24 x before:2027-01-01"), &arena, &q, &e), e);
    assert_int_equal(q.after_ms, 1795478400000);
    assert_int_equal(q.before_ms, 1798761600000);
    assert_ok(query_parse(SLICE("after:2026-11-24 after:2026-01-01"), &arena, &q, &e), e);
    assert_int_equal(q.after_ms, 1795478400000);
    assert_null(q.root);
    assert_ok(query_parse(SLICE("after:2024-02-29 before:1970-01-02"), &arena, &q, &e), e);
    assert_int_equal(q.after_ms, 1709164800000);
    assert_int_equal(q.before_ms, 86400000);
    assert_refused("after:2026-02-29", "a day of the calendar");
    assert_refused("before:24.11.2026", "a day of the calendar");
    assert_refused("after:2026-13-01", "a day of the calendar");
    assert_refused("a (b after:2026-01-01)", "outside parentheses");
    assert_refused("-after:2026-01-01 a", "without NOT");
    assert_refused("a OR b after:2026-01-01", "put the rest of it in parentheses");
    assert_tree("(a OR b) after:2026-01-01", "(a | b)");
}

static void limits(void **unused)
{
    (void)unused;
    char text[QUERY_BYTES_MAX + 2];

    (void)memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_refused(text, "longer than 1024");
    for (size_t i = 0; i < 130; i++) {
        text[i] = i % 2 ? ' ' : 'a';
    }
    text[130] = '\0';
    assert_refused(text, "more than 64 words");
    text[127] = '\0';
    struct query q;
    struct error e;
    assert_ok(query_parse(slice_text(text), &arena, &q, &e), e);
    assert_refused("(((((((((a)))))))))", "nested more than 8");
    assert_tree("((((((((a))))))))", "a");
    assert_refused("a\xff", "UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_phrases), cmocka_unit_test(wholes), cmocka_unit_test(fields),
        cmocka_unit_test(operators),         cmocka_unit_test(dates),  cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
