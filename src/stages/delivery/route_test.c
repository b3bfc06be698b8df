#include "stages/delivery/route.h"
#include "tests/test.h"

static const struct route_self nobody = {0};

/* A small generator with a seed, so that a test can be repeated. */
static uint32_t next_random(void *context)
{
    uint32_t *state = context;
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

static void fixed_routes_go_before_the_dns(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {0};
    arena_init(&arena, 65536);

    struct route r = route_fixed(SLICE("partner.test"), SLICE("MX.Partner.Test:587"), 25, &arena);
    assert_int_equal(r.verdict, ROUTE_FOUND);
    assert_int_equal(r.n_hosts, 1);
    assert_slice(r.hosts[0].name, "mx.partner.test");
    assert_int_equal(r.hosts[0].port, 587);
    assert_false(r.hosts[0].literal);
    r = route_fixed(SLICE("partner.test"), SLICE("192.0.2.1:2525"), 25, &arena);
    assert_slice(r.hosts[0].name, "192.0.2.1");
    assert_true(r.hosts[0].literal);
    assert_int_equal(r.hosts[0].port, 2525);
    r = route_fixed(SLICE("partner.test"), SLICE("[2001:DB8::1]:25"), 26, &arena);
    assert_slice(r.hosts[0].name, "2001:db8::1");
    assert_int_equal(r.hosts[0].port, 25);

    static const char *const wrong[] = {
        "host", ":25", "a b:25", "a..b:25", "-a:25", "host:0", "host:65536", "host:", "host:x",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        r = route_fixed(SLICE("partner.test"), slice_text(wrong[i]), 25, &arena);
        if (r.verdict != ROUTE_NEVER) {
            fail_msg("'%s' was taken for a route", wrong[i]);
        }
    }
}

static void literals_are_hosts_and_names_are_asked_for(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {0};
    arena_init(&arena, 65536);
    struct route r = route_fixed(SLICE("[192.0.2.1]"), SLICE_NONE, 2525, &arena);
    assert_int_equal(r.verdict, ROUTE_FOUND);
    assert_slice(r.hosts[0].name, "192.0.2.1");
    assert_true(r.hosts[0].literal);
    assert_int_equal(r.hosts[0].port, 2525);
    r = route_fixed(SLICE("[ipv6:2001:db8::1]"), SLICE_NONE, 25, &arena);
    assert_slice(r.hosts[0].name, "2001:db8::1");
    static const char *const wrong[] = {
        "[",
        "[]",
        "[1.2.3]",
        "[192.0.2.1]:25",
        "[x]",
        "[192.0.2.1",
        "[192.0.2.1:9]",
        "[IPv6:192.0.2.1]",
        "[2001:db8::1]",
        "[IPv6:[::1]]",
        "a b.test",
        "",
        "a..test",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        r = route_fixed(slice_text(wrong[i]), SLICE_NONE, 25, &arena);
        if (r.verdict != ROUTE_NEVER) {
            fail_msg("'%s' was taken for a domain", wrong[i]);
        }
        assert_string_equal(r.code, "5.1.2");
    }
    assert_int_equal(route_fixed(SLICE("x.test"), SLICE_NONE, 25, &arena).verdict, ROUTE_ASK_MX);
}

static void equal_preferences_take_turns(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {0};
    arena_init(&arena, 1 << 20);
    const struct route_mx mx[] = {
        {20, SLICE("last") },
        {10, SLICE("b")    },
        {5,  SLICE("first")},
        {10, SLICE("a")    },
    };
    uint32_t seed = 1;
    unsigned a_before_b = 0;
    for (int i = 0; i < 1000; i++) {
        struct route r =
            route_by_mx(SLICE("x.test"), mx, 4, 25, &nobody, next_random, &seed, &arena);
        assert_int_equal(r.verdict, ROUTE_FOUND);
        assert_int_equal(r.n_hosts, 4);
        assert_slice(r.hosts[0].name, "first");
        assert_slice(r.hosts[3].name, "last");
        assert_int_equal(r.hosts[3].port, 25);
        a_before_b += slice_equal(r.hosts[1].name, SLICE("a"));
    }
    assert_in_range(a_before_b, 400, 600);
}

static void null_mx_is_final_and_implicit_mx_only_without_mx(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {0};
    arena_init(&arena, 65536);
    uint32_t seed = 1;
    const struct route_mx null_mx[] = {
        {0, SLICE_NONE}
    };
    struct route r =
        route_by_mx(SLICE("x.test"), null_mx, 1, 25, &nobody, next_random, &seed, &arena);
    assert_int_equal(r.verdict, ROUTE_NEVER);
    assert_string_equal(r.code, "5.1.10");

    r = route_by_mx(SLICE("x.test"), NULL, 0, 25, &nobody, next_random, &seed, &arena);
    assert_int_equal(r.verdict, ROUTE_FOUND);
    assert_int_equal(r.n_hosts, 1);
    assert_slice(r.hosts[0].name, "x.test");

    /* A root beside real hosts is against RFC 7505 section 3: the real hosts count. */
    const struct route_mx mixed[] = {
        {0,  SLICE_NONE },
        {10, SLICE("mx")}
    };
    r = route_by_mx(SLICE("x.test"), mixed, 2, 25, &nobody, next_random, &seed, &arena);
    assert_int_equal(r.n_hosts, 1);
    assert_slice(r.hosts[0].name, "mx");
}

static void never_back_to_ourselves(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {0};
    arena_init(&arena, 65536);
    uint32_t seed = 1;
    const struct route_self self = {.name = SLICE("us.test")};
    const struct route_mx mx[] = {
        {10, SLICE("better") },
        {20, SLICE("US.test")},
        {20, SLICE("equal")  },
        {30, SLICE("worse")  },
    };
    struct route r = route_by_mx(SLICE("x.test"), mx, 4, 25, &self, next_random, &seed, &arena);
    assert_int_equal(r.n_hosts, 1);
    assert_slice(r.hosts[0].name, "better");
    r = route_by_mx(SLICE("x.test"), mx + 1, 3, 25, &self, next_random, &seed, &arena);
    assert_int_equal(r.verdict, ROUTE_NEVER);
    assert_string_equal(r.code, "5.4.6");
    r = route_by_mx(SLICE("us.test"), NULL, 0, 25, &self, next_random, &seed, &arena);
    assert_string_equal(r.code, "5.4.6");
}

static void families_alternate_and_our_own_are_left_out(void **unused)
{
    (void)unused;
    uint32_t seed = 1;
    struct address listeners[1] = {0};
    struct error e = {0};
    assert_ok(address_parse(SLICE("192.0.2.3"), 25, &listeners[0], &e), e);
    const struct route_self self = {.listeners = listeners, .n_listeners = 1};
    const struct slice v4[] = {SLICE("\300\0\2\1"), SLICE("\300\0\2\2"), SLICE("\300\0\2\3"),
                               SLICE("short")};
    const struct slice v6[] = {SLICE("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
                               SLICE("\0\0\0\0\0\0\0\0\0\0\xff\xff\300\0\2\3")};
    struct address got[ROUTE_ADDRESSES_MAX];
    size_t n = route_addresses(v4, 4, v6, 2, 25, &self, next_random, &seed, got);
    assert_int_equal(n, 3);
    assert_int_equal(address_bytes(&got[0]).len, 16);
    assert_int_equal(address_bytes(&got[1]).len, 4);
    assert_int_equal(address_bytes(&got[2]).len, 4);
    assert_int_equal(address_port(&got[0]), 25);

    n = route_addresses(v4, 4, v6, 2, 26, &self, next_random, &seed, got); /* another port */
    assert_int_equal(n, 5);
}

static void many_addresses_are_cut(void **unused)
{
    (void)unused;
    uint32_t seed = 1;
    struct slice v4[64];
    struct address got[ROUTE_ADDRESSES_MAX];
    for (size_t i = 0; i < 64; i++) {
        v4[i] = SLICE("\300\0\2\1");
    }
    assert_int_equal(route_addresses(v4, 64, NULL, 0, 25, &nobody, next_random, &seed, got),
                     ROUTE_ADDRESSES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_routes_go_before_the_dns),
        cmocka_unit_test(literals_are_hosts_and_names_are_asked_for),
        cmocka_unit_test(equal_preferences_take_turns),
        cmocka_unit_test(null_mx_is_final_and_implicit_mx_only_without_mx),
        cmocka_unit_test(never_back_to_ourselves),
        cmocka_unit_test(families_alternate_and_our_own_are_left_out),
        cmocka_unit_test(many_addresses_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
