/* TLSA records of hosts, by a real name server; skipped where NSD is missing. */
#include <stdio.h>

#include "stages/delivery/proof.h"
#include "stages/delivery/survey.h"
#include "tests/nameserver.h"
#include "tests/test.h"

static struct {
    struct nameserver names;
    struct resolver *resolver;
    struct lookup lookup;
} here;

static int set_up(void **unused)
{
    OWN(arena) struct arena arena = {0};
    struct error e = {0};

    (void)unused;
    arena_init(&arena, 65536);
    if (!nameserver_start(&here.names)) {
        return 0;
    }
    struct slice at = arena_printf(&arena, "127.0.0.1@%u", here.names.port);
    const struct dns_stub stubs[] = {
        {SLICE("secure.test"), at},
        {SLICE("bogus.test"),  at},
        {SLICE("plain.test"),  at},
    };
    const struct resolver_settings settings = {
        .stubs = stubs, .n_stubs = 3, .trust_anchors = nameserver_anchors(&here.names, &arena)};
    here.resolver = resolver_new(&settings, &e);
    assert_ok(here.resolver, e);
    here.lookup = (struct lookup){.resolver = here.resolver, .port = 25, .timeout_ms = 5000};
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    resolver_free(here.resolver);
    nameserver_stop(&here.names);
    return 0;
}

static void each_name_has_the_records_that_are_proven(void **unused)
{
    static const struct {
        const char *host;
        enum dane_state state;
        const char *base; /* "" where there is none */
    } cases[] = {
        {"mx.secure.test",      DANE_USABLE,   "mx.secure.test"     },
        {"alias.secure.test",   DANE_USABLE,   "mx.secure.test"     },
        {"own.secure.test",     DANE_USABLE,   "own.secure.test"    },
        {"outside.secure.test", DANE_USABLE,   "outside.secure.test"},
        {"lent.secure.test",    DANE_USABLE,   "lent.secure.test"   },
        {"bare.secure.test",    DANE_NONE,     ""                   },
        {"foreign.secure.test", DANE_NONE,     ""                   },
        {"broken.secure.test",  DANE_UNKNOWN,  ""                   },
        {"odd.secure.test",     DANE_UNUSABLE, "odd.secure.test"    },
        {"mx-one.plain.test",   DANE_NONE,     ""                   },
    };

    (void)unused;
    if (!here.resolver) {
        skip();
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OWN(arena) struct arena arena = {0};
        struct route_host host = {.name = slice_text(cases[i].host), .port = 25};
        struct lookup_addresses found;
        struct dane dane;

        arena_init(&arena, 1 << 20);
        lookup_addresses(&here.lookup, &host, &arena, &found);
        assert_int_equal(found.n, 1);
        dane_look_up(&here.lookup, &host, &found, &arena, &dane);
        if (dane.state != cases[i].state) {
            fail_msg("%s: %d, %.*s", cases[i].host, (int)dane.state, SLICE_ARG(dane.note));
        }
        assert_slice(dane.base, cases[i].base);
        assert_int_equal(dane.n_records, cases[i].state == DANE_USABLE ? 1 : 0);
        assert_true(dane.note.len > 0 || cases[i].state == DANE_NONE);
    }
}

static void a_domain_is_surveyed_by_its_first_servers(void **unused)
{
    static const struct {
        const char *domain, *route;
        enum survey_state state;
    } cases[] = {
        {"secure.test",        "",                  SURVEY_DANE   },
        {"alias.secure.test",  "",                  SURVEY_DANE   },
        {"bare.secure.test",   "",                  SURVEY_NONE   },
        {"odd.secure.test",    "",                  SURVEY_NONE   },
        {"broken.secure.test", "",                  SURVEY_UNKNOWN},
        {"plain.test",         "",                  SURVEY_NONE   },
        {"plain.test",         "mx.secure.test:25", SURVEY_DANE   },
        {"plain.test",         "mx.secure.test:26", SURVEY_NONE   },
        {"bogus.test",         "",                  SURVEY_UNKNOWN},
        {"nobody.secure.test", "",                  SURVEY_NONE   },
        {"secure.test",        "127.0.0.1:25",      SURVEY_NONE   },
    };

    (void)unused;
    if (!here.resolver) {
        skip();
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OWN(arena) struct arena arena = {0};
        struct slice why = SLICE_NONE;

        arena_init(&arena, 1 << 20);
        enum survey_state state = survey_domain(&here.lookup, slice_text(cases[i].domain),
                                                slice_text(cases[i].route), &arena, &why);
        if (state != cases[i].state || why.len == 0) {
            fail_msg("%s by %s: %d, %.*s", cases[i].domain, cases[i].route, (int)state,
                     SLICE_ARG(why));
        }
    }
}

static void too_many_records_are_not_read(void **unused)
{
    static const uint8_t digest[35] = {3, 1, 1};
    struct slice records[TLSA_RECORDS_MAX + 1];
    OWN(arena) struct arena arena = {0};
    struct dane dane;

    (void)unused;
    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i <= TLSA_RECORDS_MAX; i++) {
        records[i] = slice_of(digest, sizeof(digest));
    }
    dane_judge(records, TLSA_RECORDS_MAX, SLICE("mx.test"), 25, &arena, &dane);
    assert_int_equal(dane.state, DANE_USABLE);
    assert_int_equal(dane.n_records, TLSA_RECORDS_MAX);
    dane_judge(records, TLSA_RECORDS_MAX + 1, SLICE("mx.test"), 25, &arena, &dane);
    assert_int_equal(dane.state, DANE_UNKNOWN);
    records[0] = SLICE("\3\1");
    dane_judge(records, 1, SLICE("mx.test"), 25, &arena, &dane);
    assert_int_equal(dane.state, DANE_UNUSABLE);
}

/* Names that count with DANE-TA, and what a pin asks for. */
static void what_is_asked_of_a_host(void **unused)
{
    static const uint8_t key[32] = {1};
    OWN(arena) struct arena arena = {0};
    struct slice more = SLICE("mx.other.test");
    struct slice why = SLICE_NONE;
    struct proof proof;
    const struct route_host host = {.name = SLICE("alias.secure.test"), .port = 25};
    struct lookup_addresses found;
    struct proof_of of = {.domain = SLICE("secure.test"), .names = &more, .n_names = 1};

    (void)unused;
    if (!here.resolver) {
        skip();
    }
    arena_init(&arena, 1 << 20);
    lookup_addresses(&here.lookup, &host, &arena, &found);
    assert_true(proof_of_host(&here.lookup, &of, &host, &found, &arena, &proof, &why));
    assert_int_equal(proof.kind, PROOF_NONE); /* an insecure MX record named it */
    of.proven = true;
    assert_true(proof_of_host(&here.lookup, &of, &host, &found, &arena, &proof, &why));
    assert_int_equal(proof.kind, PROOF_DANE);
    assert_int_equal(proof.floor, LEVEL_AUTHENTICATED);
    assert_slice(proof.name, "mx.secure.test");
    assert_false(proof.sni_alone);
    assert_int_equal(proof.n_names, 3);
    assert_slice(proof.names[0], "alias.secure.test");
    assert_slice(proof.names[1], "secure.test");
    assert_slice(proof.names[2], "mx.other.test");
    struct slice pin = tlsa_from_key(key, &arena);
    of.pinned = true;
    assert_false(proof_of_host(&here.lookup, &of, &host, &found, &arena, &proof, &why));
    assert_true(why.len > 0);
    of.pins = &pin;
    of.n_pins = 1;
    assert_true(proof_of_host(&here.lookup, &of, &host, &found, &arena, &proof, &why));
    assert_int_equal(proof.kind, PROOF_PIN);
    assert_false(proof.sni_alone);
    of.waived = true; /* what the settings name stays named */
    assert_true(proof_of_host(&here.lookup, &of, &host, &found, &arena, &proof, &why));
    assert_false(proof.sni_alone);
    of.proven = false;
    assert_true(proof_of_host(&here.lookup, &of, &host, &found, &arena, &proof, &why));
    assert_true(proof.sni_alone);
    assert_true(proof.named);
    of.domain = host.name; /* the domain itself is its server */
    assert_true(proof_of_host(&here.lookup, &of, &host, &found, &arena, &proof, &why));
    assert_false(proof.sni_alone);
}

static void who_chose_the_name_of_a_host(void **unused)
{
    static const struct {
        const char *domain, *host;
        bool proven, enforced, named;
    } cases[] = {
        {"plain.test",        "mx-one.plain.test", false, false, false},
        {"plain.test",        "mx-one.plain.test", true,  false, true },
        {"plain.test",        "mx-one.plain.test", false, true,  true },
        {"mx-one.plain.test", "MX-one.plain.test", false, false, true },
        {"[127.0.0.2]",       "127.0.0.2",         false, false, true },
        {"",                  "127.0.0.2",         true,  false, true },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OWN(arena) struct arena arena = {.max = 1 << 20};
        struct slice pattern = slice_text(cases[i].host);
        struct sts_rule rule = {
            .policy = {
                       .mode = cases[i].enforced ? STS_ENFORCE : STS_TESTING, .mx = &pattern, .n_mx = 1}
        };
        const struct proof_of of = {.domain = slice_text(cases[i].domain),
                                    .proven = cases[i].proven,
                                    .waived = true,
                                    .sts = &rule};
        const struct route_host host = {.name = slice_text(cases[i].host), .port = 25};
        struct lookup_addresses found = {.n = 1};
        struct slice why = SLICE_NONE;
        struct proof proof;

        assert_true(proof_of_host(NULL, &of, &host, &found, &arena, &proof, &why));
        assert_int_equal(proof.named, cases[i].named);
    }
}

static void what_a_certificate_came_to(void **unused)
{
    static const struct {
        enum proof_kind kind;
        enum tls_verdict verdict;
        bool on, by_tlsa, failed;
        enum tls_level level;
        const char *text;
    } cases[] = {
        {PROOF_NONE, TLS_NO_CERTIFICATE, false, false, false, LEVEL_CLEARTEXT,     ""          },
        {PROOF_NONE, TLS_SELF_SIGNED,    true,  false, false, LEVEL_ENCRYPTED,     ""          },
        {PROOF_NONE, TLS_VERIFIED,       true,  false, false, LEVEL_VERIFIED,      ""          },
        {PROOF_DANE, TLS_VERIFIED,       true,  true,  false, LEVEL_AUTHENTICATED, "DANE 3 1 1"},
        {PROOF_DANE, TLS_VERIFIED,       true,  false, true,  LEVEL_ENCRYPTED,     ""          },
        {PROOF_DANE, TLS_NO_MATCH,       true,  false, true,  LEVEL_ENCRYPTED,     ""          },
        {PROOF_PIN,  TLS_VERIFIED,       true,  true,  false, LEVEL_AUTHENTICATED, "pinned key"},
        {PROOF_PIN,  TLS_NO_MATCH,       true,  false, true,  LEVEL_ENCRYPTED,     ""          },
    };

    char text[PROOF_TEXT_MAX];

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct proof proof = {.kind = cases[i].kind};
        const struct conn_tls tls = {
            .on = cases[i].on,
            .verdict = cases[i].verdict,
            .by_tlsa = cases[i].by_tlsa,
            .matched = {TLSA_DANE_EE, TLSA_PUBLIC_KEY, TLSA_SHA256, SLICE_NONE}
        };
        assert_int_equal(proof_level(&proof, &tls), cases[i].level);
        assert_int_equal(proof_failed(&proof, &tls), cases[i].failed);
        proof_text(&proof, &tls, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_has_the_records_that_are_proven),
        cmocka_unit_test(a_domain_is_surveyed_by_its_first_servers),
        cmocka_unit_test(too_many_records_are_not_read),
        cmocka_unit_test(what_is_asked_of_a_host),
        cmocka_unit_test(who_chose_the_name_of_a_host),
        cmocka_unit_test(what_a_certificate_came_to),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
