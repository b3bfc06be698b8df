#include "keeper/factors.h"
#include "keyring/digest.h"
#include "tests/test.h"

#define NOW 1000000

static struct slice office[] = {SLICE_INIT("192.0.2.0/24"), SLICE_INIT("2001:db8::/32")};
static struct slice partner[] = {SLICE_INIT("partner.test"), SLICE_INIT("xn--bcher-kva.test")};

static void each_limit_refuses(void **unused)
{
    (void)unused;
    struct app_password p = {.scopes = APP_SCOPE_SEND};

    assert_null(app_password_refusal(&p, SLICE("198.51.100.9"), NOW));
    p.expires_at = NOW + 1;
    assert_null(app_password_refusal(&p, SLICE("198.51.100.9"), NOW));
    p.expires_at = NOW;
    assert_non_null(strstr(app_password_refusal(&p, SLICE("198.51.100.9"), NOW), "expired"));
    p.expires_at = 0;
    p.scopes = APP_SCOPE_READ;
    assert_non_null(strstr(app_password_refusal(&p, SLICE("198.51.100.9"), NOW), "sending"));
    p.scopes = APP_SCOPE_SEND | APP_SCOPE_READ;
    p.networks = (struct cbor_list){office, 2};
    assert_null(app_password_refusal(&p, SLICE("192.0.2.7"), NOW));
    assert_null(app_password_refusal(&p, SLICE("2001:db8:7::1"), NOW));
    assert_null(app_password_refusal(&p, SLICE("::ffff:192.0.2.7"), NOW));
    static const char *const others[] = {"192.0.3.7", "2001:db9::1", "",
                                         "192.0.2",   "uid 0",       "192.0.2.7.example.test"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_non_null(strstr(app_password_refusal(&p, slice_text(others[i]), NOW), "network"));
    }
}

static void a_session_ends_with_what_opened_it(void **unused)
{
    (void)unused;
    struct app_password p = {.expires_at = 0};
    static const uint64_t far[] = {0, NOW + 1000000, INT64_MAX, (uint64_t)INT64_MAX + 1,
                                   UINT64_MAX};

    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        p.expires_at = far[i];
        assert_int_equal(app_password_until(&p, NOW, 500, 100500), 100500);
    }
    p.expires_at = NOW + 99999;
    assert_int_equal(app_password_until(&p, NOW, 500, 100500), 100499);
    p.expires_at = NOW - 1;
    assert_int_equal(app_password_until(&p, NOW, 500, 100500), 500);
}

static void recipients_are_compared_as_domains(void **unused)
{
    (void)unused;
    const struct cbor_list two = {partner, 2};
    const struct cbor_list none = {NULL, 0};

    assert_true(app_password_reaches(&none, SLICE("anybody@anywhere.test")));
    assert_true(app_password_reaches(&two, SLICE("paula@partner.test")));
    assert_true(app_password_reaches(&two, SLICE("paula@PARTNER.Test")));
    assert_true(app_password_reaches(&two, SLICE("paula@b\xc3\xbc"
                                                 "cher.test")));
    assert_true(app_password_reaches(&two, SLICE("\"a@b\"@partner.test")));
    assert_false(app_password_reaches(&two, SLICE("paula@sub.partner.test")));
    assert_false(app_password_reaches(&two, SLICE("paula@partner.test.evil.test")));
    assert_false(app_password_reaches(&two, SLICE("partner.test")));
    assert_false(app_password_reaches(&two, SLICE("paula@")));
    assert_false(app_password_reaches(&two, SLICE("paula@[192.0.2.7]")));
    assert_false(app_password_reaches(&two, SLICE("postmaster")));
}

static void names_are_found_and_bounded(void **unused)
{
    (void)unused;
    struct app_password apps[2] = {
        {.id = SLICE("abcdefgh"), .name = SLICE("Phone")    },
        {.id = SLICE("bcdefghi"), .name = SLICE("scanner 2")}
    };
    const struct factors f = {
        .apps = {apps, 2}
    };

    assert_ptr_equal(app_password_find(&f, SLICE("phone")), &apps[0]);
    assert_ptr_equal(app_password_find(&f, SLICE("bcdefghi")), &apps[1]);
    assert_null(app_password_find(&f, SLICE("tablet")));
    assert_null(app_password_find(&f, SLICE_NONE));
    assert_true(app_password_name_is_good(SLICE("scanner 2")));
    static const char *const bad[] = {"", " x", "x ", "-x", "a\nb", "a/b", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(app_password_name_is_good(slice_text(bad[i])));
    }
}

static bool spends_of(struct factors *f, uint64_t step, uint64_t recovery, struct slice sealed)
{
    uint8_t of[DIGEST_LEN];
    const struct auth_proof proof = {step, recovery, SLICE_ARRAY(of)};
    struct error e = {0};

    digest_of(sealed, SLICE_NONE, of);
    bool done = factors_spend(f, &proof, &e);

    assert_true(done || e.kind == ERROR_DENIED);
    return done;
}

static bool spends(struct factors *f, uint64_t step, uint64_t recovery)
{
    return spends_of(f, step, recovery, SLICE("sealed"));
}

static void a_code_is_of_the_secret_it_was_checked_against(void **unused)
{
    (void)unused;
    struct factors f = {.totp = SLICE("sealed"), .recovery = SLICE("codes"), .totp_step = 100};
    const struct auth_proof bare = {.step = 101};
    struct error e;

    assert_false(spends_of(&f, 101, 0, SLICE("another")));
    assert_false(spends_of(&f, 101, 0, SLICE("codes")));
    assert_false(spends_of(&f, 0, 1, SLICE("sealed")));
    assert_false(factors_spend(&f, &bare, &e));
    assert_int_equal(f.totp_step, 100);
    assert_true(spends_of(&f, 101, 0, SLICE("sealed")));
    assert_true(spends_of(&f, 0, 1, SLICE("codes")));
    f.recovery = SLICE("renewed");
    assert_false(spends_of(&f, 0, 2, SLICE("codes")));
}

static bool spends_passkey(struct factors *f, struct slice id, uint64_t counter, struct error *e)
{
    const struct auth_proof proof = {.passkey = id, .counter = counter};

    return factors_spend(f, &proof, e);
}

static void a_passkeys_counter_goes_on(void **unused)
{
    (void)unused;
    struct passkey keys[] = {
        {.id = SLICE("abcdefgh"), .name = SLICE("key"), .counter = 7},
        {.id = SLICE("bcdefghi"),                       .name = SLICE("phone")                    }
    };
    struct factors f = {
        .passkeys = {keys, 2}
    };
    struct error e = {0};

    assert_true(spends_passkey(&f, SLICE("abcdefgh"), 8, &e) && keys[0].counter == 8);
    assert_true(keys[0].used_at > 0 && keys[1].used_at == 0);
    assert_false(spends_passkey(&f, SLICE("abcdefgh"), 8, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_false(spends_passkey(&f, SLICE("abcdefgh"), 0, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_true(spends_passkey(&f, SLICE("bcdefghi"), 0, &e)); /* it does not count */
    assert_true(spends_passkey(&f, SLICE("bcdefghi"), 0, &e));
    assert_true(spends_passkey(&f, SLICE("bcdefghi"), 5, &e)); /* from now on it does */
    assert_false(spends_passkey(&f, SLICE("bcdefghi"), 0, &e));
    assert_false(spends_passkey(&f, SLICE("cdefghij"), 9, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
}

static void the_last_factor_is_known_as_such(void **unused)
{
    (void)unused;
    struct passkey keys[] = {
        {.id = SLICE("abcdefgh"), .name = SLICE("key")  },
        {.id = SLICE("bcdefghi"), .name = SLICE("phone")}
    };
    struct factors f = {
        .passkeys = {keys, 2}
    };

    assert_true(factors_are_on(&f));
    assert_false(factors_is_last(&f, SLICE("abcdefgh")));
    passkeys_cut(&f, passkey_find(&f, SLICE("Phone")));
    assert_true(f.passkeys.count == 1 && f.passkeys_at > 0);
    assert_true(factors_is_last(&f, SLICE("abcdefgh")) && !factors_is_last(&f, SLICE_NONE));
    f.totp = SLICE("sealed");
    assert_false(factors_is_last(&f, SLICE("abcdefgh")) || factors_is_last(&f, SLICE_NONE));
    passkeys_cut(&f, passkey_find(&f, SLICE("abcdefgh")));
    assert_true(factors_is_last(&f, SLICE_NONE) && factors_are_on(&f));
    f.totp = SLICE_NONE;
    assert_false(factors_are_on(&f));
}

static void what_was_begun_lapses(void **unused)
{
    (void)unused;
    struct factors f = {.totp_asked = SLICE("sealed"), .totp_asked_at = NOW};

    assert_true(factors_is_asked(&f, NOW));
    assert_true(factors_is_asked(&f, NOW + FACTORS_ASKED_MS - 1));
    assert_false(factors_is_asked(&f, NOW + FACTORS_ASKED_MS));
    assert_false(factors_is_asked(&f, NOW - 1)); /* the clock was set back */
    f.totp_asked_at = 0;                         /* of a row from before */
    assert_false(factors_is_asked(&f, NOW + FACTORS_ASKED_MS));
    f = (struct factors){.totp_asked_at = NOW};
    assert_false(factors_is_asked(&f, NOW));
}

static void a_code_is_spent_once(void **unused)
{
    (void)unused;
    struct factors f = {.totp = SLICE("sealed"), .recovery = SLICE("sealed"), .totp_step = 100};

    assert_false(spends(&f, 0, 0));
    assert_false(spends(&f, 100, 0) || spends(&f, 99, 0));
    assert_true(spends(&f, 101, 0));
    assert_false(spends(&f, 101, 0) || spends(&f, 100, 0));
    assert_true(spends(&f, 0, 10) && spends(&f, 0, 1));
    assert_false(spends(&f, 0, 10) || spends(&f, 0, 1) || spends(&f, 0, 11));
    assert_int_equal(f.recovery_spent, 0x201);
    f.recovery = SLICE_NONE;
    assert_false(spends(&f, 0, 2));
    f.totp = SLICE_NONE; /* taken off meanwhile */
    assert_false(spends(&f, 200, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_limit_refuses),
        cmocka_unit_test(a_session_ends_with_what_opened_it),
        cmocka_unit_test(recipients_are_compared_as_domains),
        cmocka_unit_test(names_are_found_and_bounded),
        cmocka_unit_test(a_code_is_spent_once),
        cmocka_unit_test(what_was_begun_lapses),
        cmocka_unit_test(a_passkeys_counter_goes_on),
        cmocka_unit_test(the_last_factor_is_known_as_such),
        cmocka_unit_test(a_code_is_of_the_secret_it_was_checked_against),
    };
    return cmocka_run_group_tests_name("keeper/factors", tests, NULL, NULL);
}
