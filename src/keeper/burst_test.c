#include "keeper/burst.h"
#include "tests/test.h"

#define FAST_MS 2  /* between letters of a burst */
#define SLOW_MS 20 /* between letters of an ordinary day */

/* Let letters come for a while and ask for work after each; for how many of them it was put off. */
static size_t send(struct burst *b, int64_t *now_ms, int64_t for_ms, int64_t every_ms)
{
    size_t put_off = 0;

    for (int64_t end_ms = *now_ms + for_ms; *now_ms < end_ms; *now_ms += every_ms) {
        burst_letter(b, *now_ms);
        put_off += burst_wait_ms(b, *now_ms, false) != 0;
    }
    return put_off;
}

static void what_comes_slowly_is_never_put_off(void **unused)
{
    (void)unused;
    struct burst b = {0};
    int64_t now_ms = 1000;

    burst_drained(&b);
    assert_int_equal(send(&b, &now_ms, 60000, SLOW_MS), 0);
    assert_int_equal(burst_wait_ms(&b, now_ms, true), 0);
}

static void a_burst_goes_first_until_it_is_over(void **unused)
{
    (void)unused;
    struct burst b = {0};
    int64_t now_ms = 1000;

    burst_drained(&b);
    assert_true(send(&b, &now_ms, 1000, FAST_MS) > 400);
    assert_true(burst_puts_off(&b));
    now_ms = b.last_ms + BURST_QUIET_MS;
    assert_true(burst_wait_ms(&b, now_ms, true) > 0); /* the disk takes its time */
    assert_int_equal(burst_wait_ms(&b, now_ms, false), 0);
    assert_false(burst_puts_off(&b));
}

/* However long the burst is, work begins after BURST_MAX_MS, and goes on until nothing waits. */
static void no_letter_waits_twice(void **unused)
{
    (void)unused;
    struct burst b = {0};
    int64_t now_ms = 1000;

    burst_drained(&b);
    (void)send(&b, &now_ms, 500, FAST_MS);
    int64_t since_ms = b.since_ms;
    assert_true(since_ms > 0);
    (void)send(&b, &now_ms, since_ms + BURST_MAX_MS - now_ms - FAST_MS, FAST_MS);
    assert_true(burst_puts_off(&b));
    now_ms = since_ms + BURST_MAX_MS;
    assert_int_equal(send(&b, &now_ms, 10 * BURST_MAX_MS, FAST_MS), 0);
    burst_drained(&b);
    assert_true(send(&b, &now_ms, 1000, FAST_MS) > 400);
}

static void work_has_its_time_between_bursts(void **unused)
{
    (void)unused;
    struct burst b = {0};
    int64_t now_ms = 1000;

    burst_drained(&b);
    (void)send(&b, &now_ms, 500, FAST_MS);
    now_ms = b.last_ms + BURST_QUIET_MS;
    assert_int_equal(burst_wait_ms(&b, now_ms, false), 0);
    burst_drained(&b);
    assert_int_equal(send(&b, &now_ms, BURST_REST_MS - FAST_MS, FAST_MS), 0);
    assert_true(send(&b, &now_ms, 1000, FAST_MS) > 400);
}

/* Asked when it says, it never says more than BURST_MAX_MS in all. */
static void what_it_says_adds_up(void **unused)
{
    (void)unused;
    struct burst b = {0};
    int64_t now_ms = 1000;
    int64_t waited_ms = 0;

    burst_drained(&b);
    (void)send(&b, &now_ms, 150, FAST_MS);
    for (int64_t wait_ms = burst_wait_ms(&b, now_ms, true); wait_ms;
         wait_ms = burst_wait_ms(&b, now_ms, true)) {
        now_ms += wait_ms;
        waited_ms += wait_ms;
        burst_letter(&b, now_ms);
    }
    assert_in_range(waited_ms, BURST_MAX_MS - 150, BURST_MAX_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_slowly_is_never_put_off),
        cmocka_unit_test(a_burst_goes_first_until_it_is_over),
        cmocka_unit_test(no_letter_waits_twice),
        cmocka_unit_test(work_has_its_time_between_bursts),
        cmocka_unit_test(what_it_says_adds_up),
    };
    return cmocka_run_group_tests_name("keeper/burst", tests, NULL, NULL);
}
