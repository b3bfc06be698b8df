/* How long a keeper that has much to do is asked again. */
#include "base/clock.h"

#include "stages/intake/internal.h"
#include "tests/test.h"

static void the_keeper_is_asked_again_for_a_time(void **unused)
{
    const struct error busy = {.kind = ERROR_BUSY};
    const struct error wrong = {.kind = ERROR_INPUT};
    int64_t now = clock_steady_ms();

    (void)unused;
    assert_true(pull_again(now + PULL_KEEPER_MS, &busy));
    assert_false(pull_again(now + PULL_KEEPER_MS, &wrong));
    assert_false(pull_again(now, &busy)); /* however few tries there were */
    assert_in_range(pull_ask_ms(now + PULL_KEEPER_MS), PULL_KEEPER_MS - 60000, PULL_KEEPER_MS);
    assert_int_equal(pull_ask_ms(now), PULL_ASK_LEAST_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_keeper_is_asked_again_for_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
