/* Routes by a real name server to servers that play scripts; skipped where NSD is missing. */
#include <stdio.h>

#include "base/clock.h"

#include "stages/delivery/reach.h"
#include "stages/delivery/scene_test.h"
#include "tests/nameserver.h"

static struct {
    struct nameserver names;
    struct resolver *resolver;
    struct gate *gate;
    struct reach reach;
} here;

/* mx-one.plain.test is 127.0.0.2, mx-two.plain.test is 127.0.0.3 and ::1, at one port. */
struct town {
    struct scripted servers[2];
    bool up[2];
    struct arena arena;
    struct reached reached;
    struct session_failure failure;
};

static struct resolver *new_resolver(void)
{
    OWN(arena) struct arena arena = {0};
    struct error e = {0};
    arena_init(&arena, 65536);
    struct slice at = arena_printf(&arena, "127.0.0.1@%u", here.names.port);
    const struct dns_stub stubs[] = {
        {SLICE("secure.test"), at},
        {SLICE("bogus.test"),  at},
        {SLICE("plain.test"),  at},
    };
    const struct resolver_settings settings = {
        .stubs = stubs,
        .n_stubs = 3,
        .trust_anchors = nameserver_anchors(&here.names, &arena),
    };
    struct resolver *r = resolver_new(&settings, &e);
    assert_ok(r, e);
    return r;
}

static int set_up(void **state)
{
    make_world(state);
    here.gate = gate_new(10);
    if (nameserver_start(&here.names)) {
        here.resolver = new_resolver();
    }
    return 0;
}

static int tear_down(void **state)
{
    resolver_free(here.resolver);
    nameserver_stop(&here.names);
    gate_free(here.gate);
    return free_world(state);
}

static void town_start(struct town *t, const char *const *first, const char *const *second)
{
    char at[32];
    if (!here.resolver) {
        skip();
    }
    *t = (struct town){
        .up = {first != NULL, second != NULL},
          .reached.place = -1
    };
    arena_init(&t->arena, 1 << 20);
    uint16_t port = free_port();
    for (int i = 0; i < 2; i++) {
        (void)snprintf(at, sizeof(at), "127.0.0.%d:%u", 2 + i, port);
        t->servers[i] = (struct scripted){
            .scripts = {i == 0 ? first : second},
            .at = at,
            .tls = server_of(&world.right),
        };
        if (t->up[i]) {
            scripted_start(&t->servers[i]);
        }
    }
    here.reach = (struct reach){
        .lookup = {.resolver = here.resolver, .port = port, .timeout_ms = 5000},
        .session = world.settings,
        .gate = here.gate,
        .per_address = 2,
        .wait_ms = 100,
    };
}

static bool town_reach(struct town *t, const char *domain, const char *route)
{
    const struct reach_goal goal = {
        .domain = slice_text(domain), .route = slice_text(route), .level = LEVEL_ENCRYPTED};
    return reach_open(&here.reach, &goal, &t->arena, &t->reached, &t->failure);
}

static void town_fails(struct town *t, const char *domain, const char *route,
                       enum delivery_status status, const char *enhanced)
{
    assert_false(town_reach(t, domain, route));
    assert_slice(t->failure.why.enhanced, enhanced);
    assert_int_equal(t->failure.why.status, status);
    assert_true(t->failure.why.reply.len > 0);
}

static void town_end(struct town *t)
{
    reach_close(&t->reached);
    for (int i = 0; i < 2; i++) {
        if (t->up[i]) {
            scripted_join(&t->servers[i]);
            assert_string_equal(t->servers[i].breach, "");
            scripted_done(&t->servers[i]);
        }
        tls_server_free(t->servers[i].tls);
    }
    arena_done(&t->arena);
}

static void prefers_the_first_and_falls_back(void **unused)
{
    (void)unused;
    struct town t;
    town_start(&t, SCRIPT(READY, GOODBYE), SCRIPT("WAIT"));
    assert_true(town_reach(&t, "plain.test", ""));
    assert_slice(session_peer(t.reached.session)->host, "mx-one.plain.test");
    assert_false(session_peer(t.reached.session)->dnssec);
    town_end(&t);
    town_start(&t, NULL, SCRIPT(READY, GOODBYE)); /* nobody listens at the first */
    assert_true(town_reach(&t, "plain.test", ""));
    assert_slice(session_peer(t.reached.session)->host, "mx-two.plain.test");
    town_end(&t);
    town_start(&t, SCRIPT("> 554 no", "WAIT"), SCRIPT(READY, GOODBYE));
    assert_true(town_reach(&t, "plain.test", ""));
    assert_slice(session_peer(t.reached.session)->host, "mx-two.plain.test");
    town_end(&t);
}

static void fails_for_good_only_when_all_say_so(void **unused)
{
    (void)unused;
    struct town t;
    town_start(&t, SCRIPT("> 554 5.7.1 no", "WAIT"), SCRIPT("> 521 no", "WAIT"));
    town_fails(&t, "plain.test", "", DELIVERY_FAILED, "5.3.2");
    town_end(&t);
    town_start(&t, SCRIPT("> 421 4.3.2 busy", "WAIT"), SCRIPT("> 554 5.7.1 no", "WAIT"));
    town_fails(&t, "plain.test", "", DELIVERY_DEFERRED, "4.3.2");
    town_end(&t);
    town_start(&t, SCRIPT("> 554 5.7.1 no", "WAIT"), NULL);
    town_fails(&t, "plain.test", "", DELIVERY_DEFERRED, "4.4.1");
    town_end(&t);
}

/* Places at an address: the test's own letters hold all of them. */
static void a_busy_server_is_waited_for_and_never_a_no(void **unused)
{
    (void)unused;
    struct town t;
    int places[2];
    town_start(&t, SCRIPT("> 554 5.7.1 no", "WAIT"), SCRIPT("WAIT"));
    for (int i = 0; i < 2; i++) {
        places[i] = gate_enter(here.gate, &t.servers[1].address, 2, 0);
        assert_true(places[i] >= 0);
    }
    town_fails(&t, "plain.test", "", DELIVERY_DEFERRED, "4.4.5");
    assert_false(t.failure.busy); /* one was asked */
    assert_int_equal(t.servers[1].connections, 0);
    gate_leave(here.gate, places[0]);
    gate_leave(here.gate, places[1]);
    town_end(&t);
    town_start(&t, SCRIPT("WAIT"), SCRIPT(READY, GOODBYE));
    for (int i = 0; i < 2; i++) {
        places[i] = gate_enter(here.gate, &t.servers[0].address, 2, 0);
    }
    int64_t start_ms = clock_steady_ms();
    assert_true(town_reach(&t, "plain.test", ""));
    assert_slice(session_peer(t.reached.session)->host, "mx-two.plain.test");
    assert_true(clock_steady_ms() >= start_ms + here.reach.wait_ms);
    gate_leave(here.gate, places[0]);
    gate_leave(here.gate, places[1]);
    town_end(&t);
}

static void when_all_connections_are_in_use_nobody_was_asked(void **unused)
{
    (void)unused;
    struct town t;
    int places[2];
    town_start(&t, SCRIPT("WAIT"), NULL);
    for (int i = 0; i < 2; i++) {
        places[i] = gate_enter(here.gate, &t.servers[0].address, 2, 0);
    }
    town_fails(&t, "[127.0.0.2]", "", DELIVERY_DEFERRED, "4.4.5");
    assert_true(t.failure.busy);
    assert_int_equal(t.servers[0].connections, 0);
    gate_leave(here.gate, places[0]);
    gate_leave(here.gate, places[1]);
    town_end(&t);
}

static void what_the_dns_says_of_a_domain(void **unused)
{
    (void)unused;
    struct town t;
    town_start(&t, SCRIPT(READY, GOODBYE), NULL);
    town_fails(&t, "null.plain.test", "", DELIVERY_FAILED, "5.1.10");
    town_fails(&t, "nobody.plain.test", "", DELIVERY_FAILED, "5.1.2");
    town_fails(&t, "text.plain.test", "", DELIVERY_FAILED, "5.4.4");
    town_fails(&t, "odd.plain.test", "", DELIVERY_FAILED, "5.4.4");
    town_fails(&t, "bogus.test", "", DELIVERY_DEFERRED, "4.4.3");
    town_fails(&t, "[127.0.0.1", "", DELIVERY_FAILED, "5.1.2");
    assert_true(town_reach(&t, "implicit.plain.test", ""));
    town_end(&t);
    town_start(&t, SCRIPT(READY, GOODBYE), NULL);
    assert_true(town_reach(&t, "secure.test", ""));
    assert_true(session_peer(t.reached.session)->dnssec);
    town_end(&t);
}

static void fixed_routes_and_literals_ask_no_mx(void **unused)
{
    (void)unused;
    struct town t;
    char route[64];
    town_start(&t, SCRIPT(READY, GOODBYE), NULL);
    (void)snprintf(route, sizeof(route), "implicit.plain.test:%u", here.reach.lookup.port);
    here.reach.lookup.port = 1;
    assert_true(town_reach(&t, "nobody.plain.test", route));
    assert_slice(session_peer(t.reached.session)->host, "implicit.plain.test");
    town_end(&t);
    town_start(&t, SCRIPT(READY, GOODBYE), NULL);
    assert_true(town_reach(&t, "[127.0.0.2]", ""));
    assert_slice(session_peer(t.reached.session)->host, "127.0.0.2");
    town_end(&t);
}

/* RFC 8689: an insecure MX record chose the name that the certificate shows. */
static void requiretls_only_where_the_host_is_named(void **unused)
{
    (void)unused;
    struct town t;
    struct reach_goal goal = {
        .domain = SLICE("plain.test"), .level = LEVEL_ENCRYPTED, .require_tls = true};
    town_start(&t, SCRIPT("WAIT"), SCRIPT("WAIT"));
    assert_false(reach_open(&here.reach, &goal, &t.arena, &t.reached, &t.failure));
    assert_slice(t.failure.why.enhanced, "5.7.30");
    assert_int_equal(t.failure.why.status, DELIVERY_FAILED);
    assert_int_equal(t.servers[0].connections + t.servers[1].connections, 0);
    town_end(&t);
}

static void never_to_ourselves(void **unused)
{
    (void)unused;
    struct town t;
    town_start(&t, SCRIPT("WAIT"), NULL);
    here.reach.lookup.self = (struct route_self){
        .name = SLICE("out.example.test"),
        .listeners = &t.servers[0].address,
        .n_listeners = 1,
    };
    town_fails(&t, "implicit.plain.test", "", DELIVERY_FAILED, "5.4.6");
    town_fails(&t, "[127.0.0.2]", "", DELIVERY_FAILED, "5.4.6");
    assert_int_equal(t.servers[0].connections, 0);
    town_end(&t);
}

static void the_gate_counts_by_address(void **unused)
{
    (void)unused;
    OWN(gate) struct gate *gate = gate_new(3);
    struct error e = {0};
    struct address one;
    struct address other;
    assert_ok(address_parse(SLICE("192.0.2.1:25"), 0, &one, &e), e);
    assert_ok(address_parse(SLICE("192.0.2.1:26"), 0, &other, &e), e);
    int first = gate_enter(gate, &one, 2, 0);
    int second = gate_enter(gate, &one, 2, 0);
    assert_true(first >= 0 && second >= 0 && first != second);
    int64_t start_ms = clock_steady_ms();
    assert_int_equal(gate_enter(gate, &one, 2, start_ms + 100), -1);
    assert_true(clock_steady_ms() >= start_ms + 100);
    int third = gate_enter(gate, &other, 2, 0);
    assert_true(third >= 0);
    assert_int_equal(gate_enter(gate, &other, 2, 0), -1); /* all places are taken */
    gate_leave(gate, first);
    first = gate_enter(gate, &one, 2, 0);
    assert_true(first >= 0);
    gate_leave(gate, first);
    gate_leave(gate, second);
    gate_leave(gate, third);
    gate_leave(gate, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefers_the_first_and_falls_back),
        cmocka_unit_test(fails_for_good_only_when_all_say_so),
        cmocka_unit_test(a_busy_server_is_waited_for_and_never_a_no),
        cmocka_unit_test(when_all_connections_are_in_use_nobody_was_asked),
        cmocka_unit_test(what_the_dns_says_of_a_domain),
        cmocka_unit_test(fixed_routes_and_literals_ask_no_mx),
        cmocka_unit_test(requiretls_only_where_the_host_is_named),
        cmocka_unit_test(never_to_ourselves),
        cmocka_unit_test(the_gate_counts_by_address),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
