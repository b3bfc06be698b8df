#include "host/address.h"
#include "tests/test.h"

static void reads_and_prints(void **unused)
{
    (void)unused;

    static const struct {
        const char *text;
        const char *printed;
    } cases[] = {
        {"127.0.0.1:10465",        "127.0.0.1:10465"  },
        {"192.0.2.1",              "192.0.2.1:25"     },
        {"[::1]:25",               "[::1]:25"         },
        {"::1",                    "[::1]:25"         },
        {"[2001:db8::1]",          "[2001:db8::1]:25" },
        {"[::ffff:192.0.2.7]:587", "192.0.2.7:587"    },
        {"0.0.0.0:0",              "0.0.0.0:0"        },
        {"[fe80::1:2]:65535",      "[fe80::1:2]:65535"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address a;
        struct error e;
        char text[ADDRESS_TEXT_MAX];
        assert_ok(address_parse(slice_text(cases[i].text), 25, &a, &e), e);
        address_print(&a, text);
        assert_string_equal(text, cases[i].printed);
    }
}

static void refuses(void **unused)
{
    (void)unused;
    static const char *const cases[] = {
        "",      "localhost:25", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "127.1:25",
        "[::1",  "[::1]25",      "[::1]:",     "1.2.3.4.5:25",    ":25",         "127.0.0.1:+5",
        "[]:25", "::g",          "[::1]:-1",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address a;
        struct error e;
        assert_false(address_parse(slice_text(cases[i]), 25, &a, &e));
        assert_int_equal(e.kind, ERROR_CONFIG);
    }
    struct address a;
    struct error e;
    assert_false(address_parse(SLICE("127.0.0.1"), 0, &a, &e));
    assert_false(address_parse(slice_of("127.0.0.1\0:25", 13), 25, &a, &e));
}

static void one_peer_one_text(void **unused)
{
    (void)unused;
    struct sockaddr_storage s = {0};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(99)};
    v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xff;
    v6.sin6_addr.s6_addr[12] = 127;
    v6.sin6_addr.s6_addr[15] = 1;
    memcpy(&s, &v6, sizeof(v6));

    struct address a = address_from_socket(&s, sizeof(v6));
    char text[ADDRESS_TEXT_MAX];
    address_print_host(&a, text);
    assert_string_equal(text, "127.0.0.1");
    assert_int_equal(address_port(&a), 99);
    assert_true(address_is_loopback(&a));
    assert_int_equal(address_bytes(&a).len, 4);
}

static void other_families_are_nobody(void **unused)
{
    (void)unused;
    struct sockaddr_storage s = {.ss_family = AF_UNIX};
    struct address a = address_from_socket(&s, sizeof(s));
    assert_int_equal(a.len, 0);
    assert_int_equal(address_bytes(&a).len, 0);
    assert_false(address_is_loopback(&a));
}

static void what_is_public(void **unused)
{
    static const struct {
        const char *text;
        bool public;
    } rows[] = {
        {"8.8.8.8",          true },
        {"172.32.0.1",       true },
        {"100.128.0.1",      true },
        {"2620:fe::fe",      true },
        {"64:ff9b::808:808", true },
        {"127.0.0.1",        false},
        {"0.0.0.0",          false},
        {"10.1.2.3",         false},
        {"172.16.0.1",       false},
        {"172.31.255.255",   false},
        {"192.168.1.1",      false},
        {"169.254.169.254",  false},
        {"100.64.0.1",       false},
        {"224.0.0.1",        false},
        {"255.255.255.255",  false},
        {"::1",              false},
        {"::",               false},
        {"::ffff:10.0.0.1",  false},
        {"::127.0.0.1",      false},
        {"64:ff9b::a00:1",   false},
        {"2002:7f00:1::1",   false},
        {"fe80::1",          false},
        {"fd00::1",          false},
        {"ff02::1",          false},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address a;
        struct error e;
        assert_true(address_parse(slice_text(rows[i].text), 80, &a, &e));
        assert_int_equal(address_is_public(&a), rows[i].public);
    }
    assert_false(address_is_public(&(struct address){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_prints),  cmocka_unit_test(refuses),
        cmocka_unit_test(one_peer_one_text), cmocka_unit_test(other_families_are_nobody),
        cmocka_unit_test(what_is_public),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
