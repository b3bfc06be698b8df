#include "keeper/watch.h"
#include "tests/test.h"

static void a_clock_that_walks_is_quiet(void **unused)
{
    (void)unused;
    struct watch w = {0};

    assert_int_equal(watch_clock(&w, 5000000, 70), 0);
    for (int64_t i = 1; i <= 1000; i++) { /* slewed by a tenth: 50 seconds in all */
        assert_int_equal(watch_clock(&w, 5000000 + i * 550, 70 + i * 500), 0);
    }
    assert_int_equal(watch_clock(&w, 5550000 + 3600000, 500070 + 3600000), 0); /* a long pause */
}

static void a_clock_that_jumps_is_noticed_once(void **unused)
{
    (void)unused;
    struct watch w = {0};

    assert_int_equal(watch_clock(&w, 1000000, 0), 0);
    assert_int_equal(watch_clock(&w, 1000500 + WATCH_JUMP_MS - 1, 500), 0);
    assert_int_equal(watch_clock(&w, 1060000, 500), 1060000 - 1000500 - (WATCH_JUMP_MS - 1));
    assert_int_equal(watch_clock(&w, 1060500, 1000), 0);
    assert_int_equal(watch_clock(&w, 1001000, 1500), -60000);
    assert_int_equal(watch_clock(&w, 1001500, 2000), 0);
}

static void a_disk_that_fills_up_is_noticed_each_time(void **unused)
{
    (void)unused;
    struct watch w = {0};

    assert_false(watch_disk(&w, 100, 100));
    assert_true(watch_disk(&w, 99, 100));
    assert_false(watch_disk(&w, 50, 100));
    assert_false(watch_disk(&w, 100, 100));
    assert_true(watch_disk(&w, 0, 100));
    assert_false(watch_disk(&w, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_walks_is_quiet),
        cmocka_unit_test(a_clock_that_jumps_is_noticed_once),
        cmocka_unit_test(a_disk_that_fills_up_is_noticed_each_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
