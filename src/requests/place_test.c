#include "requests/place.h"
#include "tests/test.h"

static void test_spellings(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"",                                     "",                                  true },
        {"",                                     "file:///",                          false},
        {"file:///srv/b",                        "file:///srv/b",                     true },
        {"file:///srv/b",                        "file:///srv/b//",                   true },
        {"file:///srv/b",                        "file:////srv/b",                    true },
        {"file:///srv/b",                        "file:///srv/B",                     false},
        {"file:///srv/b",                        "file:///srv/b/c",                   false},
        {"sftp://u@Host.test/a",                 "sftp://u@host.test:22/a/",          true },
        {"sftp://u@host.test./a",                "sftp://u@host.test/a",              true },
        {"sftp://u@host.test/a",                 "sftp://U@host.test/a",              false},
        {"sftp://u@host.test/a",                 "sftp://u@host.test:2222/a",         false},
        {"https://s3.host.test/bucket/x",        "https://S3.HOST.TEST:443/bucket/x", true },
        {"https://s3.host.test/bucket/x",        "https://s3.host.test/bucket/X",     false},
        {"https://s3.host.test/bucket",          "http://s3.host.test:443/bucket",    false},
        {"http://[::1]:80/b",                    "http://[::1]/b/",                   true },
        {"http://[::1]:81/b",                    "http://[::1]/b",                    false},
        {"https://s3.host.test:99999999/bucket", "https://s3.host.test/bucket",       false},
        {"https://",                             "https:///",                         true },
        {"https://a",                            "https://b",                         false},
        {"gopher://a/",                          "gopher://a",                        false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice a = slice_text(rows[i].a);
        struct slice b = slice_text(rows[i].b);
        if (place_same(a, b) != rows[i].same || place_same(b, a) != rows[i].same) {
            fail_msg("%s, %s", rows[i].a, rows[i].b);
        }
        assert_true(place_same(a, a));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_spellings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
