#include "base/buf.h"

#include "search/query.h"
#include "tests/test.h"

static struct arena arena = {.max = 1 << 20};

static void show_fields(struct buf *out, const struct query_node *n)
{
    static const char *const names[] = {"", "subject", "body", "name", "from", "to", "cc"};

    for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
        if (n->fields & 1U << i) {
            buf_printf(out, "%s:", names[i]);
        }
    }
}

static void show(struct buf *out, const struct query_node *n)
{
    static const char *const operators[] = {
        [QUERY_NEAR_EACH] = " ~ ", [QUERY_AND] = " & ", [QUERY_OR] = " | ", [QUERY_NOT] = " ! "};

    if (n->kind == QUERY_PHRASE) {
        show_fields(out, n);
        buf_add_text(out, n->mark ? "#" : "");
        for (size_t i = 0; i < n->n_terms; i++) {
            buf_add_text(out, i ? "+" : "");
            buf_add(out, n->terms[i].bytes);
            buf_add_text(out, n->terms[i].variant.len ? "=" : "");
            buf_add(out, n->terms[i].variant);
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
    assert_tree("to:@example.test", "to:cc:@example.test");
}

static void fields(void **unused)
{
    (void)unused;
    assert_tree("FROM:anna TO:bob", "(from:anna & to:cc:bob)");
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

static void conditions(void **unused)
{
    (void)unused;
    struct query q;
    struct error e;

    assert_ok(query_parse(SLICE("larger:5M smaller:20k larger:1"), &arena, &q, &e), e);
    assert_int_equal(q.larger, 5 << 20);
    assert_int_equal(q.smaller, 20 << 10);
    assert_ok(query_parse(SLICE("after:2024 before:2024-03"), &arena, &q, &e), e);
    assert_int_equal(q.after_ms, 1704067200000);
    assert_int_equal(q.before_ms, 1709251200000);
    assert_tree("has:attachment NOT has:Unread", "(#has:attachment ! #has:unread)");
    assert_tree("finding:encrypted", "#finding:encrypted");
    assert_tree("finding:card", "#finding:card");
    assert_refused("finding:cards", "finding: takes");
    assert_tree("group:Accounting", "#group:accounting");
    assert_refused("group:a.b", "group: takes");
    assert_refused("has:attachments", "has: takes");
    assert_refused("larger:5T", "number of bytes");
    assert_refused("larger:K", "number of bytes");
    assert_refused("a OR b larger:5", "put the rest of it in parentheses");
}

static void neighbours(void **unused)
{
    (void)unused;
    assert_tree("a NEAR b", "(a ~ b)");
    assert_tree("a NEAR/3 \"b c\" d", "((a ~ b+c) & d)");
    assert_tree("a NEAR b NEAR c", "((a ~ b) ~ c)");
    assert_tree("subject:a NEAR b", "(subject:a ~ b)");
    assert_tree("near nearby", "(near & nearby)");
    assert_refused("a NEAR/0 b", "from 1 to 1000");
    assert_refused("a NEAR/x b", "from 1 to 1000");
    assert_refused("a NEAR (b OR c)", "two words or phrases");
    assert_refused("a NEAR NOT b", "two words or phrases");
    assert_refused("a NEAR has:attachment", "two words or phrases");
    assert_refused("subject:a NEAR body:b", "same place");
    assert_refused("NEAR b", "need a word behind");
    assert_refused("a NEAR", "need a word behind");
}

static void wildcards_and_spellings(void **unused)
{
    (void)unused;
    assert_tree("to:*@Supplier.Example", "to:cc:@supplier.example");
    assert_tree("from:@m\xc3\xbcller.test", "from:@muller.test");
    assert_tree("M\xc3\xbcller", "muller=mueller");
    assert_tree("mueller", "mueller=muller");
    assert_tree("u\xcc\x88"
                "ber blue",
                "(uber=ueber & blue)");
    assert_refused("to:*@", "takes a domain");
    assert_refused("to:*@*.test", "takes a domain");
    assert_refused("invoic*", "words are looked for in full");
    assert_refused("to:anna@*", "words are looked for in full");
}

static void errors_say_where(void **unused)
{
    (void)unused;
    assert_refused("\xc3\xbc x from: y", "At character 5: Write what to look for");
    assert_refused("a (b c", "At character 7: A parenthesis is opened and not closed");
    assert_refused("a b)", "At character 4: A parenthesis is closed");
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
        cmocka_unit_test(words_and_phrases),
        cmocka_unit_test(wholes),
        cmocka_unit_test(fields),
        cmocka_unit_test(operators),
        cmocka_unit_test(dates),
        cmocka_unit_test(limits),
        cmocka_unit_test(conditions),
        cmocka_unit_test(neighbours),
        cmocka_unit_test(wildcards_and_spellings),
        cmocka_unit_test(errors_say_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
