#include <stdlib.h>

#include "stages/retention/book.h"
#include "stages/retention/pack.h"
#include "tests/test.h"

#define HEAD  "title = T\njurisdiction = J\nreview = 2027-06-30\n"
#define CLASS "[class a-b]\ntitle = X\ncitation = C\nsource = S\nterm = 6y\nstart = year-end\n"

static bool reads(const char *text, struct retention_pack *pack, struct arena *arena,
                  struct error *e)
{
    arena_reset(arena);
    *e = (struct error){0};
    return retention_pack_read(slice_text(text), "p.conf", arena, pack, e);
}

static void a_pack_is_read(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = CONFIG_ARENA_MAX};
    struct retention_pack pack;
    struct rule rule;
    struct error e;

    assert_ok(config_schema_sound(&retention_pack_schema, &e), e);
    assert_ok(reads(HEAD CLASS "unverified = yes\n[class c]\ntitle = Y\ncitation = C\nsource = S\n"
                               "term = forever\nstart = fiscal-end\nreview = 2026-01-01\n",
                    &pack, &arena, &e),
              e);
    assert_int_equal(pack.classes.count, 2);
    const struct retention_class *classes = pack.classes.items;
    assert_true(classes[0].unverified);
    retention_pack_rule(&pack, &classes[0], SLICE("p"), &rule);
    assert_slice(rule.class, "a-b");
    assert_slice(rule.review, "2027-06-30");
    assert_slice(rule.pack, "p");
    assert_int_equal(rule.start, RETENTION_FROM_YEAR_END);
    assert_int_equal(rule.fiscal_month, 0);
    retention_pack_rule(&pack, &classes[1], SLICE("p"), &rule);
    assert_slice(rule.review, "2026-01-01");
    assert_int_equal(rule.fiscal_month, 12);
}

static void what_is_wrong_is_said_with_file_and_line(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = CONFIG_ARENA_MAX};
    struct retention_pack pack;
    struct error e;

    static const struct {
        const char *text;
        const char *where;
    } rows[] = {
        {HEAD,                                                                                  "p.conf:"   },
        {CLASS,                                                                                 "p.conf:"   },
        {HEAD "[class x]\ntitle = X\n",                                                         "p.conf:4"  },
        {HEAD CLASS "colour = red\n",                                                           "p.conf:10:"},
        {HEAD CLASS "fiscal-month = 13\n",                                                      "p.conf:10:"},
        {HEAD CLASS "review = 2027-02-30\n",                                                    "p.conf:4:" },
        {HEAD CLASS "[class c]\ntitle = X\ncitation = C\nsource = S\nterm = 6\nstart = sent\n",
         "p.conf:10:"                                                                                       },
        {"title = T\njurisdiction = J\nreview = soon\n" CLASS,                                  "p.conf:"   },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_false(reads(rows[i].text, &pack, &arena, &e));
        assert_int_equal(e.kind, ERROR_CONFIG);
        assert_true(slice_starts(slice_text(e.text), slice_text(rows[i].where)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pack_is_read),
        cmocka_unit_test(what_is_wrong_is_said_with_file_and_line),
    };
    return cmocka_run_group_tests_name("retention/pack", tests, NULL, NULL);
}
