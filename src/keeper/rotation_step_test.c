#include "keeper/rotation_step.h"
#include "tests/test.h"

#define DAY 86400000ull

static const struct rotation_times times = {.every_ms = 180 * DAY,
                                            .seen_ms = 3600000,
                                            .retire_ms = 7 * DAY,
                                            .remind_ms = 7 * DAY,
                                            .made_at = 1000 * DAY};

static void keys_grow_old(void **unused)
{
    (void)unused;
    struct dkim_rotation r = {.phase = ROTATION_QUIET};
    struct rotation_times by_hand = times;

    assert_int_equal(rotation_step(&r, &times, 1179 * DAY, true), ROTATION_REST);
    assert_int_equal(rotation_step(&r, &times, 1180 * DAY, true), ROTATION_BEGIN);
    assert_int_equal(rotation_step(&r, &times, 10 * DAY, true), ROTATION_REST); /* set back */
    by_hand.every_ms = 0;
    assert_int_equal(rotation_step(&r, &by_hand, 9999 * DAY, true), ROTATION_REST);
    by_hand = times;
    by_hand.made_at = 0;
    assert_int_equal(rotation_step(&r, &by_hand, 9999 * DAY, true), ROTATION_REST);
}

static void new_keys_sign_when_the_dns_has_shown_them(void **unused)
{
    (void)unused;
    struct dkim_rotation r = {
        .phase = ROTATION_PUBLISH, .since = 1180 * DAY, .told_at = 1180 * DAY};

    assert_int_equal(rotation_step(&r, &times, 1181 * DAY, false), ROTATION_REST);
    assert_int_equal(rotation_step(&r, &times, 1187 * DAY, false), ROTATION_REMIND);
    assert_int_equal(rotation_step(&r, &times, 1181 * DAY, true), ROTATION_SEEN);
    r.seen_since = 1181 * DAY;
    assert_int_equal(rotation_step(&r, &times, 1181 * DAY + 3599999, true), ROTATION_REST);
    assert_int_equal(rotation_step(&r, &times, 1181 * DAY + 3599999, false), ROTATION_LOST);
    assert_int_equal(rotation_step(&r, &times, 1181 * DAY + 3600000, true), ROTATION_SWITCH);
    assert_int_equal(rotation_step(&r, &times, 1180 * DAY, true), ROTATION_REST); /* set back */
}

static void former_keys_stay_while_letters_wait(void **unused)
{
    (void)unused;
    struct dkim_rotation r = {.phase = ROTATION_RETIRE, .since = 1181 * DAY};

    assert_int_equal(rotation_step(&r, &times, 1187 * DAY, true), ROTATION_REST);
    assert_int_equal(rotation_step(&r, &times, 1188 * DAY, false), ROTATION_DESTROY);
}

static void pauses_grow(void **unused)
{
    (void)unused;
    assert_int_equal(rotation_pause_ms(0), 600000);
    assert_int_equal(rotation_pause_ms(1), 600000);
    assert_int_equal(rotation_pause_ms(2), 3600000);
    assert_int_equal(rotation_pause_ms(3), 86400000);
    assert_int_equal(rotation_pause_ms(UINT32_MAX), 86400000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_grow_old),
        cmocka_unit_test(new_keys_sign_when_the_dns_has_shown_them),
        cmocka_unit_test(former_keys_stay_while_letters_wait),
        cmocka_unit_test(pauses_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
