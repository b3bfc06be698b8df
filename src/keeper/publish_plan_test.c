#include <openssl/sha.h>

#include "keeper/publish_plan.h"
#include "tests/test.h"

#define NAME SLICE("_dmarc.example.test")
#define TXT  16

static struct arena arena;

static int set_up(void **unused)
{
    (void)unused;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    arena_done(&arena);
    return 0;
}

static const struct slice ours_new = SLICE_INIT("\3new");
static const struct slice ours_old = SLICE_INIT("\3old");
static const struct slice foreign = SLICE_INIT("\7foreign");
static const struct slice spf = SLICE_INIT("\x0bv=spf1 -all");
static const struct slice other_spf = SLICE_INIT("\x0bV=SPF1 ?all");

/* That we put these there. */
static struct published ours(const struct slice *records, size_t n)
{
    struct published_row *rows = arena_array(&arena, n + 1, sizeof(*rows));

    for (size_t i = 0; i < n; i++) {
        uint8_t *digest = arena_alloc(&arena, PUBLISHED_DIGEST_LEN);
        (void)SHA256(records[i].ptr, records[i].len, digest);
        rows[i] = (struct published_row){
            .name = NAME, .type = TXT, .digest = slice_of(digest, PUBLISHED_DIGEST_LEN)};
    }
    return (struct published){
        {rows, n}
    };
}

static struct publish_plan plan(enum publish_company company, const struct slice *there,
                                size_t n_there, const struct slice *wanted, size_t n_wanted,
                                const struct published *p)
{
    const struct publish_facts f = {.name = SLICE("_DMARC.example.test"),
                                    .type = TXT,
                                    .company = company,
                                    .there = there,
                                    .n_there = n_there,
                                    .wanted = wanted,
                                    .n_wanted = n_wanted,
                                    .ours = p};
    struct publish_plan out;

    publish_plan(&f, &arena, &out);
    return out;
}

static void what_is_absent_is_put(void **unused)
{
    (void)unused;
    const struct published none = {0};
    struct publish_plan p = plan(PUBLISH_ALONE, NULL, 0, &ours_new, 1, &none);

    assert_int_equal(p.act, PUBLISH_PUT);
    assert_int_equal(p.n_add, 1);
    p = plan(PUBLISH_ALONE, &ours_new, 1, &ours_new, 1, &none);
    assert_int_equal(p.act, PUBLISH_NOTHING);
}

static void ours_is_replaced_and_nobody_elses(void **unused)
{
    (void)unused;
    const struct published mine = ours(&ours_old, 1);
    const struct published none = {0};
    const struct slice both[] = {ours_old, foreign};
    struct publish_plan p = plan(PUBLISH_ALONE, &ours_old, 1, &ours_new, 1, &mine);

    assert_int_equal(p.act, PUBLISH_CHANGE);
    assert_true(p.n_remove == 1 && p.n_add == 1 && slice_equal(p.remove[0], ours_old));
    p = plan(PUBLISH_ALONE, &ours_old, 1, &ours_new, 1, &none);
    assert_int_equal(p.act, PUBLISH_BLOCKED);
    assert_true(p.n_remove == 0 && p.n_add == 0);
    p = plan(PUBLISH_ALONE, both, 2, &ours_new, 1, &mine);
    assert_int_equal(p.act, PUBLISH_BLOCKED);
    assert_true(p.n_remove == 0 && p.n_add == 0);
}

static void what_is_wanted_no_more_goes(void **unused)
{
    (void)unused;
    const struct published mine = ours(&ours_old, 1);
    const struct slice both[] = {foreign, ours_old};
    struct publish_plan p = plan(PUBLISH_ALONE, both, 2, NULL, 0, &mine);

    assert_int_equal(p.act, PUBLISH_REMOVE);
    assert_true(p.n_remove == 1 && slice_equal(p.remove[0], ours_old));
    p = plan(PUBLISH_ALONE, &foreign, 1, NULL, 0, &mine);
    assert_int_equal(p.act, PUBLISH_NOTHING);
}

static void there_is_one_spf_record(void **unused)
{
    (void)unused;
    const struct published none = {0};
    const struct slice with_spf[] = {foreign, other_spf};

    assert_int_equal(plan(PUBLISH_ONE_SPF, &foreign, 1, &spf, 1, &none).act, PUBLISH_PUT);
    assert_int_equal(plan(PUBLISH_ONE_SPF, with_spf, 2, &spf, 1, &none).act, PUBLISH_BLOCKED);
    assert_int_equal(plan(PUBLISH_TOGETHER, &foreign, 1, &ours_new, 1, &none).act, PUBLISH_PUT);
}

static void an_alias_is_in_the_way(void **unused)
{
    (void)unused;
    const struct published none = {0};
    struct publish_facts f = {.name = NAME,
                              .type = TXT,
                              .alias = true,
                              .wanted = &ours_new,
                              .n_wanted = 1,
                              .ours = &none};
    struct publish_plan p;

    publish_plan(&f, &arena, &p);
    assert_int_equal(p.act, PUBLISH_BLOCKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_absent_is_put),
        cmocka_unit_test(ours_is_replaced_and_nobody_elses),
        cmocka_unit_test(what_is_wanted_no_more_goes),
        cmocka_unit_test(there_is_one_spf_record),
        cmocka_unit_test(an_alias_is_in_the_way),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
