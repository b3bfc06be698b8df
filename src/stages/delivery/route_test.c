#include <arpa/inet.h>

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

static void reads_hosts_as_people_write_them(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {0};
    struct route_host host = {0};
    struct error e = {0};
    arena_init(&arena, 65536);

    assert_ok(route_host_read(SLICE("MX.Partner.Test"), &arena, &host, &e), e);
    assert_slice(host.name, "mx.partner.test");
    assert_int_equal(host.port, 25);
    assert_false(host.literal);
    assert_ok(route_host_read(SLICE("mx.partner.test:587"), &arena, &host, &e), e);
    assert_int_equal(host.port, 587);
    assert_ok(route_host_read(SLICE("[192.0.2.1]:2525"), &arena, &host, &e), e);
    assert_slice(host.name, "192.0.2.1");
    assert_true(host.literal);
    assert_int_equal(host.port, 2525);
    assert_ok(route_host_read(SLICE("[IPv6:2001:DB8::1]"), &arena, &host, &e), e);
    assert_slice(host.name, "2001:db8::1");

    static const char *const wrong[] = {
        "",
        ":25",
        "a b",
        "a..b",
        "-a",
        "host:0",
        "host:65536",
        "host:",
        "host:x",
        "[192.0.2.1",
        "[192.0.2]",
        "[2001:db8::1]",
        "[IPv6:192.0.2.1]",
        "[192.0.2.1]25",
        "[192.0.2.1]:",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (route_host_read(slice_text(wrong[i]), &arena, &host, &e)) {
            fail_msg("'%s' was read", wrong[i]);
        }
        assert_int_equal(e.kind, ERROR_CONFIG);
    }
}

static void rules_go_before_the_dns(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {0};
    arena_init(&arena, 65536);
    struct route_host hosts[] = {{.name = SLICE("one")}, {.name = SLICE("two")}};
    const struct route_rule rules[] = {
        {.domain = SLICE("partner.test"),  .hosts = hosts,     .n_hosts = 1},
        {.domain = SLICE(".partner.test"), .hosts = hosts + 1, .n_hosts = 1},
    };

    struct route r = route_by_rules(SLICE("partner.test"), rules, 2, &arena);
    assert_int_equal(r.verdict, ROUTE_FOUND);
    assert_ptr_equal(r.rule, &rules[0]);
    r = route_by_rules(SLICE("a.partner.test"), rules, 2, &arena);
    assert_ptr_equal(r.rule, &rules[1]);
    r = route_by_rules(SLICE("otherpartner.test"), rules, 2, &arena);
    assert_int_equal(r.verdict, ROUTE_ASK_MX);

    const struct route_rule all[] = {
        {.domain = SLICE("*"), .hosts = hosts, .n_hosts = 2}
    };
    r = route_by_rules(SLICE("[192.0.2.1]"), all, 1, &arena);
    assert_ptr_equal(r.rule, &all[0]);
    assert_int_equal(r.n_hosts, 2);
}

static void literals_are_hosts(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {0};
    arena_init(&arena, 65536);
    struct route r = route_by_rules(SLICE("[192.0.2.1]"), NULL, 0, &arena);
    assert_int_equal(r.verdict, ROUTE_FOUND);
    assert_slice(r.hosts[0].name, "192.0.2.1");
    assert_true(r.hosts[0].literal);
    r = route_by_rules(SLICE("[ipv6:2001:db8::1]"), NULL, 0, &arena);
    assert_slice(r.hosts[0].name, "2001:db8::1");
    static const char *const wrong[] = {"[", "[]", "[1.2.3]", "[192.0.2.1]:25", "[x]"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        r = route_by_rules(slice_text(wrong[i]), NULL, 0, &arena);
        assert_int_equal(r.verdict, ROUTE_NEVER);
        assert_string_equal(r.code, "5.1.2");
    }
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
        struct route r = route_by_mx(SLICE("x.test"), mx, 4, &nobody, next_random, &seed, &arena);
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
    struct route r = route_by_mx(SLICE("x.test"), null_mx, 1, &nobody, next_random, &seed, &arena);
    assert_int_equal(r.verdict, ROUTE_NEVER);
    assert_string_equal(r.code, "5.1.10");

    r = route_by_mx(SLICE("x.test"), NULL, 0, &nobody, next_random, &seed, &arena);
    assert_int_equal(r.verdict, ROUTE_FOUND);
    assert_int_equal(r.n_hosts, 1);
    assert_slice(r.hosts[0].name, "x.test");

    /* A root beside real hosts is against RFC 7505 section 3: the real hosts count. */
    const struct route_mx mixed[] = {
        {0,  SLICE_NONE },
        {10, SLICE("mx")}
    };
    r = route_by_mx(SLICE("x.test"), mixed, 2, &nobody, next_random, &seed, &arena);
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
    struct route r = route_by_mx(SLICE("x.test"), mx, 4, &self, next_random, &seed, &arena);
    assert_int_equal(r.n_hosts, 1);
    assert_slice(r.hosts[0].name, "better");
    r = route_by_mx(SLICE("x.test"), mx + 1, 3, &self, next_random, &seed, &arena);
    assert_int_equal(r.verdict, ROUTE_NEVER);
    assert_string_equal(r.code, "5.4.6");
    r = route_by_mx(SLICE("us.test"), NULL, 0, &self, next_random, &seed, &arena);
    assert_string_equal(r.code, "5.4.6");
}

static void families_alternate_and_our_own_are_left_out(void **unused)
{
    (void)unused;
    uint32_t seed = 1;
    struct sockaddr_storage listeners[1] = {0};
    assert_true(route_address_read(SLICE("192.0.2.3"), 25, &listeners[0]));
    const struct route_self self = {.listeners = listeners, .n_listeners = 1};
    const struct slice v4[] = {SLICE("\300\0\2\1"), SLICE("\300\0\2\2"), SLICE("\300\0\2\3"),
                               SLICE("short")};
    const struct slice v6[] = {SLICE("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
                               SLICE("\0\0\0\0\0\0\0\0\0\0\xff\xff\300\0\2\3")};
    struct sockaddr_storage got[ROUTE_ADDRESSES_MAX];
    size_t n = route_addresses(v4, 4, v6, 2, 25, &self, next_random, &seed, got);
    assert_int_equal(n, 3);
    assert_int_equal(got[0].ss_family, AF_INET6);
    assert_int_equal(got[1].ss_family, AF_INET);
    assert_int_equal(got[2].ss_family, AF_INET);
    assert_int_equal(ntohs(((struct sockaddr_in6 *)&got[0])->sin6_port), 25);

    n = route_addresses(v4, 4, v6, 2, 26, &self, next_random, &seed, got); /* another port */
    assert_int_equal(n, 5);
}

static void many_addresses_are_cut(void **unused)
{
    (void)unused;
    uint32_t seed = 1;
    struct slice v4[64];
    struct sockaddr_storage got[ROUTE_ADDRESSES_MAX];
    for (size_t i = 0; i < 64; i++) {
        v4[i] = SLICE("\300\0\2\1");
    }
    assert_int_equal(route_addresses(v4, 64, NULL, 0, 25, &nobody, next_random, &seed, got),
                     ROUTE_ADDRESSES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_hosts_as_people_write_them),
        cmocka_unit_test(rules_go_before_the_dns),
        cmocka_unit_test(literals_are_hosts),
        cmocka_unit_test(equal_preferences_take_turns),
        cmocka_unit_test(null_mx_is_final_and_implicit_mx_only_without_mx),
        cmocka_unit_test(never_back_to_ourselves),
        cmocka_unit_test(families_alternate_and_our_own_are_left_out),
        cmocka_unit_test(many_addresses_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
