/* Asks a real name server (NSD) for zones signed on the spot; skipped where NSD is missing. */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/clock.h"

#include "host/address.h"
#include "host/dial.h"
#include "host/resolver.h"
#include "tests/nameserver.h"
#include "tests/test.h"

#define WITHIN_MS 5000

static struct {
    struct nameserver names;
    struct resolver *resolver;
} server;

static struct resolver *new_resolver(const struct slice *insecure, size_t n_insecure)
{
    OWN(arena) struct arena arena = {0};
    struct error e = {0};
    arena_init(&arena, 65536);
    struct slice at = arena_printf(&arena, "127.0.0.1@%u", server.names.port);
    const struct dns_stub stubs[] = {
        {SLICE("secure.test"), at                  },
        {SLICE("bogus.test"),  at                  },
        {SLICE("plain.test"),  at                  },
        {SLICE("dead.test"),   SLICE("127.0.0.1@1")},
    };
    struct resolver *r = resolver_new(
        &(struct resolver_settings){
            .stubs = stubs,
            .n_stubs = 4,
            .trust_anchors = nameserver_anchors(&server.names, &arena),
            .insecure = insecure,
            .n_insecure = n_insecure,
        },
        &e);
    if (!r) {
        fail_msg("%s", e.text);
    }
    return r;
}

static struct dns_answer ask_of(struct resolver *r, struct arena *arena, const char *name,
                                enum dns_type type)
{
    struct dns_answer answer = {0};
    resolver_ask(r, slice_text(name), type, clock_steady_ms() + WITHIN_MS, arena, &answer);
    return answer;
}

static struct dns_answer ask(struct arena *arena, const char *name, enum dns_type type)
{
    return ask_of(server.resolver, arena, name, type);
}

static int set_up(void **unused)
{
    (void)unused;
    if (nameserver_start(&server.names)) {
        server.resolver = new_resolver(NULL, 0);
    }
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    resolver_free(server.resolver);
    nameserver_stop(&server.names);
    return 0;
}

static void need_server(void)
{
    if (!server.resolver) {
        skip();
    }
}

static void signed_answers_are_secure(void **unused)
{
    (void)unused;
    need_server();
    OWN(arena) struct arena arena = {0};
    arena_init(&arena, 1 << 20);
    struct dns_answer answer = ask(&arena, "secure.test", DNS_MX);
    assert_int_equal(answer.status, DNS_FOUND);
    assert_true(answer.secure);
    assert_int_equal(answer.n_records, 1);
    assert_in_range(answer.ttl_s, 1, 60);
    uint16_t preference = 0;
    struct slice host = SLICE_NONE;
    assert_true(dns_mx_read(answer.records[0], &arena, &preference, &host));
    assert_int_equal(preference, 10);
    assert_slice(host, "mx.secure.test");

    answer = ask(&arena, "ALIAS.secure.test.", DNS_A); /* a CNAME is followed */
    assert_int_equal(answer.status, DNS_FOUND);
    assert_true(answer.secure);
    assert_int_equal(answer.records[0].len, 4);
    assert_memory_equal(answer.records[0].ptr, "\177\0\0\2", 4);

    answer = ask(&arena, "_25._tcp.mx.secure.test", DNS_TLSA);
    assert_int_equal(answer.status, DNS_FOUND);
    assert_int_equal(answer.records[0].len, 35);
    answer = ask(&arena, "nobody.secure.test", DNS_A);
    assert_int_equal(answer.status, DNS_NO_NAME);
    assert_true(answer.secure);
}

static void broken_signatures_are_no_answer(void **unused)
{
    (void)unused;
    need_server();
    OWN(arena) struct arena arena = {0};
    arena_init(&arena, 1 << 20);
    struct dns_answer answer = ask(&arena, "mx.bogus.test", DNS_A);
    assert_int_equal(answer.status, DNS_BOGUS);
    assert_false(answer.secure);
    assert_int_equal(answer.n_records, 0);
    assert_true(answer.why.len > 0);

    const struct slice insecure[] = {SLICE("mx.bogus.test")};
    OWN(resolver) struct resolver *lenient = new_resolver(insecure, 1);
    answer = ask_of(lenient, &arena, "mx.bogus.test", DNS_A);
    assert_int_equal(answer.status, DNS_FOUND);
    assert_false(answer.secure);
}

static void what_is_not_there_is_told_apart(void **unused)
{
    (void)unused;
    need_server();
    OWN(arena) struct arena arena = {0};
    arena_init(&arena, 1 << 20);
    assert_int_equal(ask(&arena, "plain.test", DNS_MX).n_records, 2);
    assert_false(ask(&arena, "plain.test", DNS_MX).secure);
    assert_int_equal(ask(&arena, "text.plain.test", DNS_A).status, DNS_NO_DATA);
    assert_int_equal(ask(&arena, "nobody.plain.test", DNS_A).status, DNS_NO_NAME);
    assert_int_equal(ask(&arena, "no name", DNS_A).status, DNS_NO_NAME);
    assert_int_equal(ask(&arena, "a..b", DNS_A).status, DNS_NO_NAME);
    assert_int_equal(ask(&arena, "", DNS_A).status, DNS_NO_NAME);

    struct dns_answer answer = ask(&arena, "null.plain.test", DNS_MX);
    uint16_t preference = 1;
    struct slice host = SLICE("x");
    assert_int_equal(answer.status, DNS_FOUND);
    assert_true(dns_mx_read(answer.records[0], &arena, &preference, &host));
    assert_int_equal(preference, 0);
    assert_slice(host, "");
    answer = ask(&arena, "odd.plain.test", DNS_MX);
    assert_int_equal(answer.status, DNS_FOUND);
    assert_false(dns_mx_read(answer.records[0], &arena, &preference, &host));
}

static void silence_fails_at_the_deadline(void **unused)
{
    (void)unused;
    need_server();
    OWN(arena) struct arena arena = {0};
    struct dns_answer answer = {0};
    arena_init(&arena, 1 << 20);
    int64_t start_ms = clock_steady_ms();
    resolver_ask(server.resolver, SLICE("dead.test"), DNS_MX, start_ms + 300, &arena, &answer);
    assert_int_equal(answer.status, DNS_FAILED);
    assert_true(answer.why.len > 0);
    assert_in_range(clock_steady_ms() - start_ms, 300, 4000);
}

static void answers_live_as_long_as_their_ttl(void **unused)
{
    (void)unused;
    need_server();
    OWN(arena) struct arena arena = {0};
    arena_init(&arena, 1 << 20);
    struct dns_answer first = ask(&arena, "mx-two.plain.test", DNS_A);
    int64_t start_ns = clock_steady_ns();
    for (int i = 0; i < 100; i++) {
        struct dns_answer again = ask(&arena, "mx-two.plain.test", DNS_A);
        assert_int_equal(again.status, DNS_FOUND);
        assert_true(again.ttl_s <= first.ttl_s);
        assert_memory_equal(again.records[0].ptr, "\177\0\0\3", 4);
    }
    assert_true(clock_steady_ns() - start_ns < 100 * 1000000LL); /* nobody was asked */
    assert_int_equal(ask(&arena, "short.plain.test", DNS_A).ttl_s, 1);
    (void)usleep(1100000);
    assert_int_equal(ask(&arena, "short.plain.test", DNS_A).status, DNS_FOUND);
}

/* Some wait for answers, some give up while theirs is under way. */
static void *ask_many(void *argument)
{
    OWN(arena) struct arena arena = {0};
    unsigned seed = *(unsigned *)argument;
    size_t failures = 0;
    arena_init(&arena, 8 << 20);
    for (unsigned i = 0; i < 200; i++) {
        char name[64];
        struct dns_answer answer = {0};
        bool hasty = i % 4 == 0;
        (void)snprintf(name, sizeof(name), i % 2 ? "implicit.plain.test" : "n%u-%u.plain.test",
                       seed, i);
        resolver_ask(server.resolver, slice_text(name), DNS_A,
                     clock_steady_ms() + (hasty ? (int64_t)(i % 3) : WITHIN_MS), &arena, &answer);
        failures += !hasty && answer.status != (i % 2 ? DNS_FOUND : DNS_NO_NAME);
    }
    return failures ? argument : NULL;
}

static void many_threads_ask_at_once(void **unused)
{
    (void)unused;
    need_server();
    pthread_t threads[8];
    unsigned seeds[8];
    for (unsigned i = 0; i < 8; i++) {
        seeds[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many, &seeds[i]), 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

static void bad_settings_are_refused(void **unused)
{
    (void)unused;
    struct error e = {0};
    const struct slice forwarders[] = {SLICE("not an address")};
    assert_null(
        resolver_new(&(struct resolver_settings){.forwarders = forwarders, .n_forwarders = 1}, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_null(
        resolver_new(&(struct resolver_settings){.trust_anchors = SLICE("nonsense\n")}, &e));
    assert_null(resolver_new(
        &(struct resolver_settings){.root_hints = SLICE(". 3600000 A not-an-address\n")}, &e));
    OWN(resolver)
    struct resolver *r = resolver_new(
        &(struct resolver_settings){
            .root_hints = SLICE("; comment\n. 3600000 NS a.root.\r\na.root. 3600000 A 192.0.2.1\n"),
        },
        &e);
    assert_non_null(r);
}

static void mx_records_are_read_with_care(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {0};
    uint16_t preference = 0;
    struct slice host = SLICE_NONE;
    arena_init(&arena, 65536);
    static const struct slice wrong[] = {
        SLICE_INIT(""),          SLICE_INIT("\0"),          SLICE_INIT("\0\12"),
        SLICE_INIT("\0\12\2m"),  SLICE_INIT("\0\12\2mx"),   SLICE_INIT("\0\12\2mx\0\0"),
        SLICE_INIT("\0\12\x40"), SLICE_INIT("\0\12\1\0\0"), SLICE_INIT("\0\12\xc0\0"),
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(dns_mx_read(wrong[i], &arena, &preference, &host));
    }
    assert_true(dns_mx_read(SLICE("\1\2\2MX\1a\0"), &arena, &preference, &host));
    assert_int_equal(preference, 258);
    assert_slice(host, "mx.a");
}

static void strings_of_a_text_are_one(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {0};
    struct slice text = SLICE_NONE;
    arena_init(&arena, 65536);
    static const struct slice wrong[] = {SLICE_INIT(""), SLICE_INIT("\2a"), SLICE_INIT("\1a\1"),
                                         SLICE_INIT("\xff")};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(dns_txt_read(wrong[i], &arena, &text));
    }
    assert_true(dns_txt_read(SLICE("\3v=D\0\2KI"), &arena, &text));
    assert_slice(text, "v=DKI");
    assert_true(dns_txt_read(SLICE("\0"), &arena, &text));
    assert_slice(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_answers_are_secure),
        cmocka_unit_test(broken_signatures_are_no_answer),
        cmocka_unit_test(what_is_not_there_is_told_apart),
        cmocka_unit_test(silence_fails_at_the_deadline),
        cmocka_unit_test(answers_live_as_long_as_their_ttl),
        cmocka_unit_test(many_threads_ask_at_once),
        cmocka_unit_test(bad_settings_are_refused),
        cmocka_unit_test(mx_records_are_read_with_care),
        cmocka_unit_test(strings_of_a_text_are_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
