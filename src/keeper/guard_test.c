/* What the guard says when it can remember no more. */
#include "keeper/guard_state.h"
#include "tests/test.h"

static void a_full_set_is_told_once(void **unused)
{
    (void)unused;
    struct guard *g = guard_new();
    bool known = false;
    bool links = false;

    assert_int_equal(g->known.max, GUARD_KNOWN_MAX);
    g->known.max = 3;
    g->links.max = 2;
    for (uint64_t i = 1; i <= 3; i++) {
        guard_became_full(g, &known, &links);
        assert_false(known || links);
        guard_make_known(g, 2 * i);
    }
    guard_make_known(g, 8); /* has no room */
    assert_int_equal(set_get(&g->known, 8), 0);
    guard_became_full(g, &known, &links);
    assert_true(known && !links);
    guard_make_known(g, CATALOG_KNOWN_LINK | 2);
    guard_make_known(g, CATALOG_KNOWN_LINK | 4);
    guard_became_full(g, &known, &links);
    assert_true(!known && links);
    guard_became_full(g, &known, &links);
    assert_false(known || links);
    guard_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_set_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
