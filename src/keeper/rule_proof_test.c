/* What the ledger says of rules and dates, and which books are made of that. */
#include "keeper/rule_proof.h"
#include "tests/test.h"

struct scene {
    struct arena arena;
    struct rule_proof proof;
    struct retention_version rules[2];
    struct retention_date dates[2];
    struct retention_book book;
    uint64_t seq;
};

static void tell(struct scene *s, uint16_t type, const struct cbor_schema *schema,
                 const void *value)
{
    OWN(buf) struct buf body = {.max = 10000};
    struct error e;

    cbor_write(&body, schema, value);
    s->seq++;
    assert_ok(rule_proof_apply(&s->proof, s->seq, type, buf_slice(&body), &e), e);
}

static void rule(struct scene *s, const char *class, bool removed)
{
    const struct rule r = {.class = slice_text(class),
                           .removed = removed,
                           .term = removed ? SLICE_NONE : SLICE("7y"),
                           .start = removed ? 0 : RETENTION_FROM_SENT};

    tell(s, RECORD_RULE, &rule_schema, &r);
}

static void date(struct scene *s, const char *key, uint64_t day, bool removed)
{
    const struct rule_date d = {.key = slice_text(key), .date = day, .removed = removed};

    tell(s, RECORD_DATE, &rule_date_schema, &d);
}

/* Two rules, the first changed; two dates; one of each that is gone. And the book that is made of them. */
static int begin(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    arena_init(&s->arena, 1 << 20);
    rule(s, "one", false);
    rule(s, "gone", false);
    rule(s, "two", false);
    rule(s, "one", false);
    rule(s, "gone", true);
    date(s, "anna", 1000, false);
    date(s, "bert", 2000, false);
    date(s, "carl", 3000, false);
    date(s, "carl", 0, true);
    date(s, "anna", 5000, false);
    s->rules[0] = (struct retention_version){
        .rule = {.class = SLICE("one"), .term = SLICE("7y"), .start = RETENTION_FROM_SENT},
        .seq = 4
    };
    s->rules[1] = (struct retention_version){
        .rule = {.class = SLICE("two"), .term = SLICE("7y"), .start = RETENTION_FROM_SENT},
        .seq = 3
    };
    s->dates[0] = (struct retention_date){SLICE("anna"), 5000};
    s->dates[1] = (struct retention_date){SLICE("bert"), 2000};
    *state = s;
    return 0;
}

static int finish(void **state)
{
    struct scene *s = *state;

    rule_proof_done(&s->proof);
    arena_done(&s->arena);
    free(s);
    return 0;
}

static bool fits(struct scene *s, size_t n_rules, size_t n_dates)
{
    retention_book_make(s->rules, n_rules, s->dates, n_dates, s->seq, &s->arena, &s->book);
    return rule_proof_fits(&s->proof, &s->book);
}

static void the_newest_of_each_holds(void **state)
{
    struct scene *s = *state;

    assert_int_equal(s->proof.version, s->seq);
    assert_true(fits(s, 2, 2));
}

static void another_book_does_not_fit(void **state)
{
    struct scene *s = *state;

    assert_false(fits(s, 1, 2)); /* a rule is hidden ... */
    assert_false(fits(s, 2, 1)); /* ... or a date */
    s->rules[0].seq = 1;         /* an older record of the class */
    assert_false(fits(s, 2, 2));
    s->rules[0].seq = 4;
    s->rules[0].rule.class = SLICE("gone");
    assert_false(fits(s, 2, 2));
    s->rules[0].rule.class = SLICE("one");
    s->dates[0].ms = 1000;
    assert_false(fits(s, 2, 2));
    s->dates[0].ms = 5000;
    assert_true(fits(s, 2, 2));
}

/* What is named twice makes up for nothing that is hidden. */
static void nothing_counts_twice(void **state)
{
    struct scene *s = *state;
    const struct retention_version two = s->rules[1];

    s->rules[1] = s->rules[0];
    assert_false(fits(s, 2, 2));
    s->rules[1] = two;
    s->dates[1] = s->dates[0];
    assert_false(fits(s, 2, 2));
}

static void what_is_no_rule_is_not_taken_for_one(void **state)
{
    struct scene *s = *state;
    struct error e;

    assert_false(rule_proof_apply(&s->proof, 99, RECORD_RULE, SLICE("\xff"), &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_ok(rule_proof_apply(&s->proof, 99, RECORD_CLASSES, SLICE("\xff"), &e), e);
    assert_true(fits(s, 2, 2));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        TEST(the_newest_of_each_holds),
        TEST(another_book_does_not_fit),
        TEST(nothing_counts_twice),
        TEST(what_is_no_rule_is_not_taken_for_one),
    };
    return cmocka_run_group_tests_name("keeper/rule_proof", tests, NULL, NULL);
}
