#include <stdio.h>

#include "keyring/otp.h"
#include "tests/test.h"

#define SECRET SLICE("12345678901234567890")

/* RFC 4226 appendix D. */
static void hotp_vectors(void **unused)
{
    (void)unused;
    static const uint32_t codes[] = {755224, 287082, 359152, 969429, 338314,
                                     254676, 287922, 162583, 399871, 520489};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        assert_int_equal(otp_code(SECRET, i, 6), codes[i]);
    }
}

/* RFC 6238 appendix B, the rows of SHA-1. */
static void totp_vectors(void **unused)
{
    (void)unused;

    static const struct {
        int64_t at;
        uint32_t code;
    } rows[] = {
        {59,          94287082},
        {1111111109,  7081804 },
        {1111111111,  14050471},
        {1234567890,  89005924},
        {2000000000,  69279037},
        {20000000000, 65353130},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[8];
        uint64_t step = 0;
        assert_int_equal(otp_code(SECRET, (uint64_t)rows[i].at / OTP_STEP_S, 8), rows[i].code);
        (void)snprintf(text, sizeof(text), "%06u", rows[i].code % 1000000);
        assert_true(otp_find(SECRET, slice_text(text), rows[i].at, 0, &step));
        assert_int_equal(step, rows[i].at / OTP_STEP_S);
    }
}

static bool find_at(uint64_t code_of, uint64_t step_now, uint64_t used)
{
    char text[8];
    uint64_t step = 0;

    (void)snprintf(text, sizeof(text), "%06u", otp_code(SECRET, code_of, 6));
    bool found =
        otp_find(SECRET, slice_text(text), (int64_t)step_now * OTP_STEP_S + 29, used, &step);
    assert_int_equal(step, found ? code_of : 0);
    return found;
}

static void one_step_to_either_side_and_none_twice(void **unused)
{
    (void)unused;
    for (uint64_t s = 1000; s < 1100; s++) {
        assert_false(find_at(s - 2, s, 0));
        assert_true(find_at(s - 1, s, 0));
        assert_true(find_at(s, s, s - 1));
        assert_true(find_at(s + 1, s, s));
        assert_false(find_at(s + 2, s, 0));
        assert_false(find_at(s, s, s)); /* used */
        assert_false(find_at(s - 1, s, s));
        assert_false(find_at(s, s, s + 1));
    }
}

static void what_is_no_code(void **unused)
{
    (void)unused;
    static const char *const none[] = {"",       "75522",    "7552244", "75522a",
                                       "-75522", "755224\n", "755.224", "\xd9\xa7\xd9\xa5\xd9\xa5"};
    uint64_t step = 0;

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_false(otp_is_code(slice_text(none[i])));
        assert_false(otp_find(SECRET, slice_text(none[i]), 0, 0, &step));
    }
    assert_true(otp_is_code(SLICE(" 755 224 ")));
}

/* RFC 4648 section 10, without padding. */
static void base32_vectors(void **unused)
{
    (void)unused;
    static const char *const rows[][2] = {
        {"",       ""          },
        {"f",      "MY"        },
        {"fo",     "MZXQ"      },
        {"foo",    "MZXW6"     },
        {"foob",   "MZXW6YQ"   },
        {"fooba",  "MZXW6YTB"  },
        {"foobar", "MZXW6YTBOI"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        OWN(buf) struct buf out = {.max = 64};
        otp_base32(slice_text(rows[i][0]), &out);
        assert_true(slice_equal(buf_slice(&out), slice_text(rows[i][1])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hotp_vectors),
        cmocka_unit_test(totp_vectors),
        cmocka_unit_test(one_step_to_either_side_and_none_twice),
        cmocka_unit_test(what_is_no_code),
        cmocka_unit_test(base32_vectors),
    };
    return cmocka_run_group_tests_name("keyring/otp", tests, NULL, NULL);
}
