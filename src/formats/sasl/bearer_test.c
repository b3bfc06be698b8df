#include "formats/sasl/bearer.h"
#include "tests/test.h"

#define A "\x01"

/* RFC 7628 section 4.1. */
static void the_rfcs_message_is_read(void **unused)
{
    (void)unused;
    struct bearer_message m;

    assert_true(bearer_read(SLICE("n,a=user@example.com," A "host=server.example.com" A "port=143" A
                                  "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29t"
                                  "Cg==" A A),
                            &m));
    assert_true(slice_equal(m.token, SLICE("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")));
    assert_true(slice_equal(slice_of(m.user, m.user_len), SLICE("user@example.com")));
    assert_true(bearer_read(SLICE("n,," A "auth=bearer x.y-z" A A), &m));
    assert_int_equal(m.user_len, 0);
    assert_true(bearer_read(SLICE("n,a=a=2Cb=3Dc," A A), &m));
    assert_int_equal(m.token.len, 0);
    assert_true(slice_equal(slice_of(m.user, m.user_len), SLICE("a,b=c")));
}

static void what_is_none_is_refused(void **unused)
{
    (void)unused;
    static const struct slice bad[] = {
        SLICE_INIT(""),
        SLICE_INIT(A),
        SLICE_INIT("n,,"),
        SLICE_INIT("n,," A),
        SLICE_INIT("n," A "auth=Bearer x" A A),
        SLICE_INIT("p=tls-exporter,," A "auth=Bearer x" A A),
        SLICE_INIT("n,a=," A "auth=Bearer x" A A),
        SLICE_INIT("n,a==41," A "auth=Bearer x" A A),
        SLICE_INIT("n,x=y," A "auth=Bearer x" A A),
        SLICE_INIT("n,," A "auth=Bearer x" A),
        SLICE_INIT("n,," A "auth=Bearer x" A A A),
        SLICE_INIT("n,," A "auth=Bearer x" A A "more"),
        SLICE_INIT("n,," A "auth=Bearer x" A "auth=Bearer y" A A),
        SLICE_INIT("n,," A "auth=Basic x" A A),
        SLICE_INIT("n,," A "auth=Bearer " A A),
        SLICE_INIT("n,," A "auth=Bearer x y" A A),
        SLICE_INIT("n,," A "auth=Bearer ===" A A),
        SLICE_INIT("n,," A "=Bearer x" A A),
        SLICE_INIT("n,," A "auth" A A),
        SLICE_INIT("n,," A "host=\x7f" A A),
    };
    struct bearer_message m;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(bearer_read(bad[i], &m));
    }
    assert_false(bearer_read(slice_of("n,,\x01host=\0\x01\x01", 12), &m));
}

static void xoauth2_is_read(void **unused)
{
    (void)unused;
    struct bearer_message m;

    assert_true(bearer_read_xoauth2(SLICE("user=someuser@example.com" A
                                          "auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29t"
                                          "Cg" A A),
                                    &m));
    assert_true(slice_equal(slice_of(m.user, m.user_len), SLICE("someuser@example.com")));
    assert_true(slice_starts(m.token, SLICE("ya29.")));
    assert_false(bearer_read_xoauth2(SLICE("user=" A "auth=Bearer x" A A), &m));
    assert_false(bearer_read_xoauth2(SLICE("user=a" A A), &m));
    assert_false(bearer_read_xoauth2(SLICE("n,," A "auth=Bearer x" A A), &m));
}

static void an_error_is_json(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 400};
    const struct bearer_error error = {SLICE("invalid_token"), SLICE("mail.send"),
                                       SLICE("https://id.example.test/\""), true};

    bearer_write_error(&error, &out);
    assert_true(slice_equal(
        buf_slice(&out),
        SLICE("{\"status\":\"invalid_token\",\"schemes\":\"bearer\",\"scope\":\"mail.send\"}")));
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(the_rfcs_message_is_read),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(xoauth2_is_read),
        cmocka_unit_test(an_error_is_json),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
