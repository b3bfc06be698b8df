/* A peer that lies about its pages. */
#include "keeper/sync_pages.h"
#include "tests/test.h"

struct said {
    uint64_t reading, total;
    size_t n;
    bool taken;
};

static void check(const struct said *all, size_t n)
{
    struct sync_pages p = {.count = 0};

    for (size_t i = 0; i < n; i++) {
        size_t before = p.count;
        bool first = false;
        size_t at = 0;
        struct error e;

        assert_int_equal(
            sync_pages_take(&p, all[i].reading, all[i].total, all[i].n, &first, &at, &e),
            all[i].taken);
        assert_int_equal(at, before);
        assert_int_equal(first, before == 0);
        assert_int_equal(p.count, before + (all[i].taken ? all[i].n : 0));
        assert_true(p.count <= p.total);
    }
}

static void pages_that_agree_come_to_an_end(void **unused)
{
    (void)unused;
    static const struct said all[] = {
        {7, 5, 2, true},
        {7, 5, 2, true},
        {7, 5, 1, true}
    };
    struct sync_pages p = {.count = 0};
    bool first = false;
    size_t at = 0;
    struct error e;

    check(all, 3);
    assert_true(sync_pages_go_on(&p));
    assert_true(sync_pages_take(&p, 7, 1, 1, &first, &at, &e));
    assert_false(sync_pages_go_on(&p));
}

/* A directory with nobody in it is one page. */
static void nothing_is_one_page(void **unused)
{
    (void)unused;
    struct sync_pages p = {.count = 0};
    bool first = false;
    size_t at = 1;
    struct error e;

    assert_true(sync_pages_take(&p, 7, 0, 0, &first, &at, &e));
    assert_true(first);
    assert_int_equal(at, 0);
    assert_false(sync_pages_go_on(&p));
}

static void a_lie_is_refused(void **unused)
{
    (void)unused;
    /* The reading that says "first" again, with less room than there is already. */
    static const struct said again[] = {
        {0, 5, 2, false}
    };
    static const struct said smaller[] = {
        {7, 20000, 500, true },
        {0, 1,     1,   false},
        {7, 1,     1,   false},
        {7, 499,   500, false},
        {7, 20000, 500, true }
    };
    static const struct said larger[] = {
        {7, 3, 2, true },
        {7, 9, 2, false},
        {7, 3, 2, false},
        {8, 3, 1, false},
        {7, 3, 1, true },
        {7, 3, 1, false}
    };
    static const struct said endless[] = {
        {7, 3, 2, true },
        {7, 3, 0, false}
    };
    static const struct said full_of_air[] = {
        {7, 3, 0, false},
        {7, 1, 2, false}
    };

    check(again, 1);
    check(smaller, 5);
    check(larger, 6);
    check(endless, 2);
    check(full_of_air, 2);
}

/* Nobody is kept waiting for ever, nothing is filled to its brim, and what waits for a person is said by the keeper alone. */
static void what_never_ends_is_given_up(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = (size_t)65 << 20};
    struct sync_pages p = {.count = 0};
    struct error e = {.kind = ERROR_NONE};

    assert_true(sync_pages_bear(&p, true, &arena, 1000, &e));
    assert_true(sync_pages_bear(&p, true, &arena, 1000 + SYNC_PAGES_WITHIN, &e));
    assert_false(sync_pages_bear(&p, true, &arena, 1001 + SYNC_PAGES_WITHIN, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    (void)error_set(&e, ERROR_LIMIT, "too many");
    assert_false(sync_pages_bear(&p, false, &arena, 1000, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    (void)arena_alloc(&arena, (size_t)2 << 20);
    assert_false(sync_pages_bear(&p, true, &arena, 1000, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_that_agree_come_to_an_end),
        cmocka_unit_test(nothing_is_one_page),
        cmocka_unit_test(a_lie_is_refused),
        cmocka_unit_test(what_never_ends_is_given_up),
    };
    return cmocka_run_group_tests_name("keeper/sync_pages", tests, NULL, NULL);
}
