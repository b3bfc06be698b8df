/* What an app password becomes, and whether that is less than before. */
#include "keeper/app_passwords.h"
#include "requests/factors.h"
#include "tests/test.h"

static struct cbor_list list_of(struct slice *texts, size_t n)
{
    return (struct cbor_list){texts, n};
}

static bool narrower(const char *now, const char *was)
{
    struct slice inner[] = {slice_text(now)};
    struct slice outer[] = {slice_text(was)};
    const struct app_password a = {.networks = list_of(inner, *now ? 1 : 0)};
    const struct app_password b = {.networks = list_of(outer, *was ? 1 : 0)};

    return app_password_is_narrower(&a, &b);
}

static void networks(void **unused)
{
    (void)unused;
    assert_true(narrower("", ""));
    assert_true(narrower("192.0.2.0/24", ""));
    assert_true(narrower("192.0.2.0/24", "192.0.2.0/24"));
    assert_true(narrower("192.0.2.128/25", "192.0.2.0/24"));
    assert_true(narrower("2001:db8:1::/48", "2001:db8::/32"));
    assert_false(narrower("", "192.0.2.0/24"));
    assert_false(narrower("192.0.2.0/23", "192.0.2.0/24"));
    assert_false(narrower("192.0.3.0/24", "192.0.2.0/24"));
    assert_false(narrower("::/0", "192.0.2.0/24"));
    assert_false(narrower("0.0.0.0/0", "2001:db8::/32"));
}

static void each_of_several_must_be_in_one(void **unused)
{
    (void)unused;
    struct slice outer[] = {SLICE("192.0.2.0/24"), SLICE("198.51.100.0/24")};
    struct slice inner[] = {SLICE("198.51.100.7/32"), SLICE("192.0.2.1/32")};
    struct slice beside[] = {SLICE("198.51.100.7/32"), SLICE("203.0.113.1/32")};
    const struct app_password was = {.networks = list_of(outer, 2)};
    struct app_password now = {.networks = list_of(inner, 2)};

    assert_true(app_password_is_narrower(&now, &was));
    now.networks = list_of(beside, 2);
    assert_false(app_password_is_narrower(&now, &was));
}

static void ends_and_limits(void **unused)
{
    (void)unused;
    struct app_password was = {.expires_at = 0};
    struct app_password now = {.expires_at = 1000};

    assert_true(app_password_is_narrower(&now, &was));
    assert_false(app_password_is_narrower(&was, &now));
    was.expires_at = 900;
    assert_false(app_password_is_narrower(&now, &was));
    now.expires_at = 900;
    now.most[1][4] = 5;
    assert_true(app_password_is_narrower(&now, &was));
    was.most[1][4] = 4;
    assert_false(app_password_is_narrower(&now, &was));
    now.most[1][4] = 0;
    assert_false(app_password_is_narrower(&now, &was));
}

static void what_is_not_asked_for_stays(void **unused)
{
    (void)unused;
    struct slice from[] = {SLICE("192.0.2.0/24")};
    struct app_password was = {
        .name = SLICE("phone"), .expires_at = 7, .networks = {from, 1}
    };
    struct app_password_set_ask ask = {
        .app = {.name = SLICE("other"), .expires_at = 3}
    };

    was.most[0][0] = 9;
    was.most[0][1] = 8;
    ask.app.most[0][1] = 2;
    struct app_password now = app_password_changed(&was, &ask);
    assert_slice(now.name, "phone");
    assert_int_equal(now.expires_at, 7);
    assert_int_equal(now.networks.count, 1);
    assert_int_equal(now.most[0][0], 9);
    assert_int_equal(now.most[0][1], 2);
    ask.change = APP_SET_ALL;
    now = app_password_changed(&was, &ask);
    assert_slice(now.name, "other");
    assert_int_equal(now.expires_at, 3);
    assert_int_equal(now.networks.count, 0);
    assert_int_equal(now.most[0][0], 0);
    assert_int_equal(now.most[0][1], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks),
        cmocka_unit_test(each_of_several_must_be_in_one),
        cmocka_unit_test(ends_and_limits),
        cmocka_unit_test(what_is_not_asked_for_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
