#include <stdio.h>

#include "base/clock.h"

#include "stages/submission/admission.h"
#include "tests/test.h"

#define NOW 1000

static struct address at(const char *text)
{
    struct address a = {0};
    struct error e;
    assert_ok(address_parse(slice_text(text), 1, &a, &e), e);
    return a;
}

static void limits_test(void **state)
{
    (void)state;
    OWN(admission) struct admission *a = admission_new();
    struct address one = at("192.0.2.1");
    struct address two = at("192.0.2.2");
    struct address three = at("192.0.2.3");
    assert_int_equal(admission_enter(a, &one, 3, 2, NOW), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(a, &one, 3, 2, NOW), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(a, &one, 3, 2, NOW), ADMISSION_ADDRESS_FULL);
    assert_int_equal(admission_enter(a, &two, 3, 2, NOW), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(a, &three, 3, 2, NOW), ADMISSION_FULL);
    admission_leave(a, &one);
    assert_int_equal(admission_enter(a, &three, 3, 2, NOW), ADMISSION_GRANTED);
    assert_int_equal(admission_wait(a, clock_steady_ms() + 10), 3);
    admission_leave(a, &one);
    admission_leave(a, &two);
    admission_leave(a, &three);
    assert_int_equal(admission_wait(a, clock_steady_ms() + 10000), 0);
}

/* An IPv6 customer has a whole /64, and is one customer. */
static void network_test(void **state)
{
    (void)state;
    OWN(admission) struct admission *a = admission_new();
    struct address one = at("2001:db8:0:1::1");
    struct address same = at("2001:db8:0:1:ffff::2");
    struct address other = at("2001:db8:0:2::1");
    assert_int_equal(admission_enter(a, &one, 9, 1, NOW), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(a, &same, 9, 1, NOW), ADMISSION_ADDRESS_FULL);
    assert_int_equal(admission_enter(a, &other, 9, 1, NOW), ADMISSION_GRANTED);
    admission_leave(a, &same);
    assert_int_equal(admission_enter(a, &one, 9, 1, NOW), ADMISSION_GRANTED);
    admission_leave(a, &one);
    admission_leave(a, &other);
}

/* Nobody gets in from where nobody may sign in, until that is over; the others do. */
static void closed_test(void **state)
{
    (void)state;
    OWN(admission) struct admission *a = admission_new();
    struct address one = at("2001:db8:0:1::1");
    struct address same = at("2001:db8:0:1:ffff::2");
    struct address other = at("192.0.2.1");
    assert_int_equal(admission_enter(a, &one, 9, 9, NOW), ADMISSION_GRANTED);
    assert_true(admission_close(a, &one, NOW + 500, NOW));
    assert_false(admission_close(a, &same, NOW + 600, NOW)); /* for longer */
    assert_int_equal(admission_enter(a, &same, 9, 9, NOW + 599), ADMISSION_CLOSED);
    assert_int_equal(admission_enter(a, &other, 9, 9, NOW), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(a, &one, 9, 9, NOW + 600), ADMISSION_GRANTED);
    assert_true(admission_close(a, &one, NOW + 800, NOW + 700)); /* anew */
    admission_open(a, &other);
    assert_int_equal(admission_enter(a, &one, 9, 9, NOW + 700), ADMISSION_CLOSED);
    admission_open(a, &same); /* somebody was let in after all */
    assert_int_equal(admission_enter(a, &one, 9, 9, NOW + 700), ADMISSION_GRANTED);
    admission_leave(a, &one);
    admission_leave(a, &one);
    admission_leave(a, &one);
    admission_leave(a, &other);
}

/* However many are closed: memory does not grow, and what was closed last is. */
static void closed_crowd_test(void **state)
{
    (void)state;
    OWN(admission) struct admission *a = admission_new();
    char text[32];
    for (unsigned i = 0; i < 100000; i++) {
        (void)snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        struct address from = at(text);
        assert_true(admission_close(a, &from, NOW + 1 + i, NOW));
        assert_int_equal(admission_enter(a, &from, 9, 9, NOW), ADMISSION_CLOSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_test),
        cmocka_unit_test(network_test),
        cmocka_unit_test(closed_test),
        cmocka_unit_test(closed_crowd_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
