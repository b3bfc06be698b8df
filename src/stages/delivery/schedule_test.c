#include "stages/delivery/schedule.h"
#include "tests/test.h"

#define MIDDLE   0x80000000U /* random bits that move nothing */
#define ACCEPTED 1000000000LL

static struct schedule_next after(int64_t passed_s, uint32_t attempts, bool warned, uint32_t random)
{
    return schedule_after_failure(&schedule_default, ACCEPTED, ACCEPTED + passed_s * 1000, attempts,
                                  warned, random);
}

static void delays_grow_and_the_last_repeats(void **unused)
{
    (void)unused;
    assert_int_equal(after(0, 1, false, MIDDLE).at_ms, ACCEPTED + 300 * 1000);
    assert_int_equal(after(0, 2, false, MIDDLE).at_ms, ACCEPTED + 900 * 1000);
    assert_int_equal(after(0, 6, false, MIDDLE).at_ms, ACCEPTED + 14400 * 1000);
    assert_int_equal(after(0, 7, false, MIDDLE).at_ms, ACCEPTED + 14400 * 1000);
    assert_int_equal(after(0, UINT32_MAX, false, MIDDLE).at_ms, ACCEPTED + 14400 * 1000);
}

static void jitter_stays_within_an_eighth(void **unused)
{
    (void)unused;
    assert_int_equal(after(0, 1, false, 0).at_ms, ACCEPTED + 262500);
    int64_t most = after(0, 1, false, UINT32_MAX).at_ms - ACCEPTED;
    assert_true(most > 337000 && most <= 337500);
}

static void the_last_attempt_falls_on_the_end(void **unused)
{
    (void)unused;
    const int64_t end_s = 5 * 86400;
    struct schedule_next next = after(end_s - 60, 40, true, MIDDLE);
    assert_false(next.give_up);
    assert_int_equal(next.at_ms, ACCEPTED + end_s * 1000);
    assert_true(after(end_s, 41, true, MIDDLE).give_up);
}

static void warns_once_when_it_takes_long(void **unused)
{
    (void)unused;
    assert_false(after(4 * 3600 - 1, 5, false, MIDDLE).warn);
    assert_true(after(4 * 3600, 5, false, MIDDLE).warn);
    assert_false(after(4 * 3600, 5, true, MIDDLE).warn);
    struct schedule silent = schedule_default;
    silent.warn_after_s = 0;
    assert_false(schedule_after_failure(&silent, 0, 86400000, 9, false, MIDDLE).warn);
}

static void a_clock_that_went_back_ends_nothing(void **unused)
{
    (void)unused;
    struct schedule_next next = after(-3600, 1, false, MIDDLE);
    assert_false(next.give_up);
    assert_int_equal(next.at_ms, ACCEPTED - 3600 * 1000 + 300 * 1000);
}

static void a_time_from_a_clock_that_was_ahead_is_bounded(void **state)
{
    (void)state;
    const int64_t now_ms = 1800000000000;
    const int64_t hour_ms = 3600000;
    const struct schedule s = {
        .delays_s = {60, 7200, 3600},
          .n_delays = 3, .lifetime_s = 86400
    };
    const int64_t last_ms = now_ms + 2 * hour_ms + hour_ms / 4;

    assert_int_equal(schedule_bound(&s, now_ms - hour_ms, now_ms), now_ms - hour_ms);
    assert_int_equal(schedule_bound(&s, now_ms + hour_ms, now_ms), now_ms + hour_ms);
    assert_int_equal(schedule_bound(&s, last_ms, now_ms), last_ms);
    assert_int_equal(schedule_bound(&s, last_ms + 1, now_ms), last_ms);
    assert_int_equal(schedule_bound(&s, now_ms + 365 * 24 * hour_ms, now_ms), last_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_from_a_clock_that_was_ahead_is_bounded),
        cmocka_unit_test(delays_grow_and_the_last_repeats),
        cmocka_unit_test(jitter_stays_within_an_eighth),
        cmocka_unit_test(the_last_attempt_falls_on_the_end),
        cmocka_unit_test(warns_once_when_it_takes_long),
        cmocka_unit_test(a_clock_that_went_back_ends_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
