#include "base/clock.h"

#include "stages/submission/admission.h"
#include "tests/test.h"

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
    assert_int_equal(admission_enter(a, &one, 3, 2), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(a, &one, 3, 2), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(a, &one, 3, 2), ADMISSION_ADDRESS_FULL);
    assert_int_equal(admission_enter(a, &two, 3, 2), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(a, &three, 3, 2), ADMISSION_FULL);
    admission_leave(a, &one);
    assert_int_equal(admission_enter(a, &three, 3, 2), ADMISSION_GRANTED);
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
    assert_int_equal(admission_enter(a, &one, 9, 1), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(a, &same, 9, 1), ADMISSION_ADDRESS_FULL);
    assert_int_equal(admission_enter(a, &other, 9, 1), ADMISSION_GRANTED);
    admission_leave(a, &same);
    assert_int_equal(admission_enter(a, &one, 9, 1), ADMISSION_GRANTED);
    admission_leave(a, &one);
    admission_leave(a, &other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_test),
        cmocka_unit_test(network_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
