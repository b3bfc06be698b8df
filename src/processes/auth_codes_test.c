#include <stdio.h>

#include "keyring/former.h"
#include "keyring/keyring.h"
#include "keyring/otp.h"
#include "processes/auth_codes.h"
#include "processes/auth_factor.h"
#include "tests/test.h"

#define ANNA SLICE("anna@example.test")
#define BERT SLICE("bert@example.test")
#define NOW  1700000000

/* The secret as the app has it. */
static size_t from_base32(struct slice text, uint8_t *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned bits = 0;
    unsigned n = 0;
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        bits = (bits << 5 | (unsigned)(strchr(alphabet, text.ptr[i]) - alphabet)) & 0xffff;
        n += 5;
        if (n >= 8) {
            n -= 8;
            out[len++] = (uint8_t)(bits >> n);
        }
    }
    return len;
}

static void an_app_shows_the_code_that_is_right(void **unused)
{
    (void)unused;
    struct error e;
    OWN(secret) struct secret *seal = keyring_random();
    OWN(secret) struct secret *other = keyring_random();
    OWN(buf) struct buf shown = {.max = 64};
    OWN(buf) struct buf sealed = {.max = AUTH_SEALED_MAX};
    struct auth_proof proof = {.step = 0};
    uint8_t of[DIGEST_LEN];
    uint8_t expected[DIGEST_LEN];
    uint8_t secret[64];
    char code[8];

    assert_ok(auth_totp_make(seal, ANNA, &shown, &sealed, &e), e);
    assert_int_equal(shown.len, 32);
    assert_int_equal(from_base32(buf_slice(&shown), secret), OTP_SECRET_LEN);
    (void)snprintf(code, sizeof(code), "%06u",
                   otp_code(slice_of(secret, OTP_SECRET_LEN), NOW / OTP_STEP_S, OTP_DIGITS));
    struct auth_second second = {.totp = buf_slice(&sealed)};
    struct slice typed = slice_text(code);
    assert_false(auth_code_check(seal, BERT, &second, typed, NOW, &proof, of));
    assert_false(auth_code_check(other, ANNA, &second, typed, NOW, &proof, of));
    assert_false(auth_code_check(seal, ANNA, &second, typed, NOW + 61, &proof, of));
    assert_true(auth_code_check(seal, ANNA, &second, typed, NOW, &proof, of));
    assert_true(proof.step == NOW / OTP_STEP_S && proof.recovery == 0);
    digest_of(second.totp, SLICE_NONE, expected);
    assert_true(slice_equal(proof.of, SLICE_ARRAY(expected)));
    second.step = proof.step;
    assert_false(auth_code_check(seal, ANNA, &second, typed, NOW, &proof, of)); /* used */
    second = (struct auth_second){.recovery = buf_slice(&sealed)};
    assert_false(auth_code_check(seal, ANNA, &second, typed, NOW, &proof, of));
}

static void each_recovery_code_is_good_once(void **unused)
{
    (void)unused;
    struct error e;
    OWN(secret) struct secret *seal = keyring_random();
    OWN(secret) struct secret *later = keyring_random();
    OWN(buf) struct buf shown = {.max = 1024};
    OWN(buf) struct buf sealed = {.max = AUTH_SEALED_MAX};
    OWN(buf) struct buf renewed = {.max = AUTH_SEALED_MAX};
    struct auth_proof proof;
    uint8_t of[DIGEST_LEN];

    assert_ok(auth_recovery_make(seal, ANNA, &shown, &sealed, &e), e);
    struct auth_second second = {.recovery = buf_slice(&sealed)};
    struct slice rest = buf_slice(&shown);
    for (uint64_t i = 0; i < AUTH_RECOVERY_CODES; i++) {
        struct slice code = slice_cut(rest, '\n', &rest);
        assert_int_equal(code.len, 19);
        assert_false(auth_code_check(seal, BERT, &second, code, NOW, &proof, of));
        assert_true(auth_code_check(seal, ANNA, &second, code, NOW, &proof, of));
        assert_true(proof.recovery == i + 1 && proof.step == 0);
        second.recovery_spent |= UINT64_C(1) << i;
        assert_false(auth_code_check(seal, ANNA, &second, code, NOW, &proof, of));
    }
    assert_int_equal(rest.len, 0);
    assert_false(
        auth_code_check(seal, ANNA, &second, SLICE("abcd-efgh-ijkm-npqr"), NOW, &proof, of));
    keyring_former_add(later, seal);
    assert_ok(auth_factor_reseal(later, ANNA, SLICE("recovery"), buf_slice(&sealed), &renewed, &e),
              e);
    second = (struct auth_second){.recovery = buf_slice(&renewed)};
    struct slice first = slice_cut(buf_slice(&shown), '\n', &rest);
    assert_true(auth_code_check(later, ANNA, &second, first, NOW, &proof, of));
    assert_false(auth_code_check(seal, ANNA, &second, first, NOW, &proof, of));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_app_shows_the_code_that_is_right),
        cmocka_unit_test(each_recovery_code_is_good_once),
    };
    return cmocka_run_group_tests_name("processes/auth_codes", tests, NULL, NULL);
}
