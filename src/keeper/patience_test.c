/* How long decisions wait for servers of others. */
#include <pthread.h>

#include "keeper/patience.h"
#include "tests/test.h"

static void who_decides_nothing_waits_as_he_wants(void **unused)
{
    (void)unused;
    assert_false(patience_counts());
    for (int i = 0; i < 2 * PATIENCE_WAITERS; i++) {
        assert_true(patience_take());
    }
    assert_int_equal(patience_left_ms(12345), 12345);
    for (int i = 0; i < 2 * PATIENCE_WAITERS; i++) {
        patience_give();
    }
}

static void no_wait_begins_when_the_time_is_over(void **unused)
{
    (void)unused;
    patience_begin(0);
    assert_true(patience_counts());
    assert_int_equal(patience_left_ms(1000), 0);
    assert_false(patience_take());
    patience_end();
    patience_begin(PATIENCE_MS);
    assert_true(patience_take());
    assert_int_equal(patience_left_ms(10), 10);
    assert_in_range(patience_left_ms(2 * PATIENCE_MS), 1, PATIENCE_MS);
    patience_give();
    patience_end();
    assert_true(patience_take());
    patience_give();
}

static void *wait_in_vain(void *took)
{
    patience_begin(PATIENCE_MS);
    *(bool *)took = patience_take();
    patience_end();
    return NULL;
}

static void half_of_the_workers_wait_at_once(void **unused)
{
    (void)unused;
    pthread_t other;
    bool took = true;

    patience_begin(PATIENCE_MS);
    for (int i = 0; i < PATIENCE_WAITERS; i++) {
        assert_true(patience_take());
    }
    assert_int_equal(pthread_create(&other, NULL, wait_in_vain, &took), 0);
    (void)pthread_join(other, NULL);
    assert_false(took);
    for (int i = 0; i < PATIENCE_WAITERS; i++) {
        patience_give();
    }
    assert_true(patience_take());
    patience_give();
    patience_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_decides_nothing_waits_as_he_wants),
        cmocka_unit_test(no_wait_begins_when_the_time_is_over),
        cmocka_unit_test(half_of_the_workers_wait_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
