#include "keyring/former.h"
#include "keyring/keyring.h"
#include "processes/auth_factor.h"
#include "tests/test.h"

#define ANNA SLICE("anna@example.test")
#define BERT SLICE("bert@example.test")
#define ID   SLICE("abcdefgh")

struct made {
    struct buf password, verifier;
};

static void make(const struct secret *seal, struct made *m)
{
    struct error e;

    buf_init(&m->password, AUTH_APP_TEXT_MAX);
    buf_init(&m->verifier, APP_PASSWORD_VERIFIER_MAX);
    assert_ok(auth_app_make(seal, ANNA, ID, NULL, &m->password, &m->verifier, &e), e);
}

static void done(struct made *m)
{
    buf_done(&m->password);
    buf_done(&m->verifier);
}

static void it_opens_for_its_account_and_id_alone(void **unused)
{
    (void)unused;
    OWN(secret) struct secret *seal = keyring_random();
    OWN(secret) struct secret *other = keyring_random();
    struct made m;
    struct made another;

    make(seal, &m);
    make(seal, &another);
    struct slice p = buf_slice(&m.password);
    struct slice v = buf_slice(&m.verifier);
    assert_int_equal(p.len, 34);
    assert_true(auth_app_check(seal, ANNA, ID, v, p));
    assert_false(auth_app_check(seal, ANNA, ID, v, buf_slice(&another.password)));
    assert_false(auth_app_check(seal, ANNA, ID, buf_slice(&another.verifier), p));
    assert_false(auth_app_check(seal, BERT, ID, v, p));
    assert_false(auth_app_check(seal, ANNA, SLICE("abcdefgi"), v, p));
    assert_false(auth_app_check(other, ANNA, ID, v, p));
    assert_false(auth_app_check(seal, ANNA, ID, SLICE_NONE, p));
    assert_false(auth_app_check(seal, ANNA, ID, slice_head(v, v.len - 1), p));
    assert_null(memmem(v.ptr, v.len, p.ptr, 4));
    done(&m);
    done(&another);
}

static void it_survives_being_typed(void **unused)
{
    (void)unused;
    static const char *const none[] = {"",
                                       "abcd",
                                       "abcd-efgh-ijkm-npqr-stuv-wxyz-abc",
                                       "abcd-efgh-ijkm-npqr-stuv-wxyz-abcda",
                                       "correct horse",
                                       "abcd-efgh-ijkm-npqr-stuv-wxyz-abc0",
                                       "abcd_efgh_ijkm_npqr_stuv_wxyz_abcd"};
    OWN(secret) struct secret *seal = keyring_random();
    struct made m;
    char typed[128];
    size_t n = 0;

    make(seal, &m);
    for (size_t i = 0; i < m.password.len; i++) {
        uint8_t c = m.password.ptr[i];
        typed[n++] = c == '-' ? ' ' : c == 'i' ? 'l' : (char)(c - ('a' - 'A'));
        if (i % 3 == 0) {
            typed[n++] = ' ';
        }
    }
    assert_true(auth_app_is_one(slice_of(typed, n)));
    assert_true(auth_app_check(seal, ANNA, ID, buf_slice(&m.verifier), slice_of(typed, n)));
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_false(auth_app_is_one(slice_text(none[i])));
    }
    assert_false(auth_app_is_one(SLICE("abcd-efgh-ijkm-npqr-stuv-wxyz-abc\0")));
    done(&m);
}

/* 128 bits: no letter is rarer than others. */
static void letters_are_drawn_evenly(void **unused)
{
    (void)unused;
    OWN(secret) struct secret *seal = keyring_random();
    unsigned counts[26] = {0};

    for (int i = 0; i < 1000; i++) {
        struct made m;
        make(seal, &m);
        for (size_t k = 0; k < m.password.len; k++) {
            if (m.password.ptr[k] != '-') {
                counts[m.password.ptr[k] - 'a']++;
            }
        }
        done(&m);
    }
    for (int i = 0; i < 26; i++) { /* 28,000 of 24: 1,167 each, 33 off on average */
        bool used = i != 'l' - 'a' && i != 'o' - 'a';
        assert_in_range(counts[i], used ? 900 : 0, used ? 1450 : 0);
    }
}

static void a_rotation_seals_it_anew(void **unused)
{
    (void)unused;
    OWN(secret) struct secret *before = keyring_random();
    OWN(secret) struct secret *now = keyring_random();
    OWN(buf) struct buf renewed = {.max = AUTH_SEALED_MAX};
    struct made m;
    struct error e;

    make(before, &m);
    struct slice v = buf_slice(&m.verifier);
    assert_false(auth_factor_reseal(now, ANNA, SLICE("app/abcdefgh"), v, &renewed, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    keyring_former_add(now, before);
    assert_true(auth_app_check(now, ANNA, ID, v, buf_slice(&m.password)));
    assert_ok(auth_factor_reseal(now, ANNA, SLICE("app/abcdefgh"), v, &renewed, &e), e);
    assert_true(auth_app_check(now, ANNA, ID, buf_slice(&renewed), buf_slice(&m.password)));
    assert_false(auth_app_check(before, ANNA, ID, buf_slice(&renewed), buf_slice(&m.password)));
    size_t len = renewed.len;
    OWN(buf) struct buf again = {.max = AUTH_SEALED_MAX};
    assert_ok(auth_factor_reseal(now, ANNA, SLICE("app/abcdefgh"), buf_slice(&renewed), &again, &e),
              e);
    assert_int_equal(again.len, 0);
    assert_true(len > 0);
    done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_for_its_account_and_id_alone),
        cmocka_unit_test(it_survives_being_typed),
        cmocka_unit_test(letters_are_drawn_evenly),
        cmocka_unit_test(a_rotation_seals_it_anew),
    };
    return cmocka_run_group_tests_name("processes/auth_factor", tests, NULL, NULL);
}
