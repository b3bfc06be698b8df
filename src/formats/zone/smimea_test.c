/* Where certificates stand in the DNS, and which records give one. */
#include "formats/zone/smimea.h"
#include "tests/test.h"

static void a_name_is_that_of_the_standard(void **unused)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct slice name = SLICE_NONE;

    (void)unused;
    /* the example of RFC 8162 section 3 */
    assert_true(smimea_name(SLICE("hugh@example.com"), &arena, &name));
    assert_slice(name, "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._smimecert."
                       "example.com");
    struct slice same = SLICE_NONE;
    assert_true(smimea_name(SLICE("Hugh@example.com"), &arena, &same));
    assert_true(slice_equal(name, same));
    assert_true(smimea_name(SLICE("\"hu\\gh\"@example.com"), &arena, &same));
    assert_true(slice_equal(name, same));
    const char *const none[] = {
        "",
        "@",
        "hugh",
        "hugh@",
        "@example.com",
        "\"\"@example.com",
        "\"a\\\"@example.com",
        "hugh@ex ample.com",
        "hugh@example..com",
        "hugh@b\xc3\xbcro.example",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@a.b"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_false(smimea_name(slice_text(none[i]), &arena, &name));
    }
}

static void a_record_gives_a_certificate_or_none(void **unused)
{
    const struct {
        const char *rdata;
        size_t len;
        enum smimea_use use;
    } rows[] = {
        {"\3\0\0abc", 6, SMIMEA_TRUSTED   },
        {"\1\0\0abc", 6, SMIMEA_ISSUED    },
        {"\3\0\1abc", 6, SMIMEA_DIGEST    },
        {"\3\1\0abc", 6, SMIMEA_DIGEST    },
        {"\1\0\2abc", 6, SMIMEA_DIGEST    },
        {"\2\0\0abc", 6, SMIMEA_AUTHORITY },
        {"\0\0\0abc", 6, SMIMEA_AUTHORITY },
        {"\4\0\0abc", 6, SMIMEA_UNREADABLE},
        {"\3\2\0abc", 6, SMIMEA_UNREADABLE},
        {"\3\0\3abc", 6, SMIMEA_UNREADABLE},
        {"\3\0\0",    3, SMIMEA_UNREADABLE},
        {"",          0, SMIMEA_UNREADABLE},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice certificate = SLICE_NONE;
        assert_int_equal(smimea_read(slice_of(rows[i].rdata, rows[i].len), &certificate),
                         rows[i].use);
        assert_int_equal(certificate.len, rows[i].use >= SMIMEA_ISSUED ? 3 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_that_of_the_standard),
        cmocka_unit_test(a_record_gives_a_certificate_or_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
