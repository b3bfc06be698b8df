#include "stages/delivery/sts.h"
#include "tests/test.h"

static struct slice patterns[] = {SLICE_INIT("*.partner.test"), SLICE_INIT("mx.other.test")};

static struct sts_rule rule_of(uint64_t mode)
{
    return (struct sts_rule){
        {mode, 1, patterns, 2},
        SLICE("1")
    };
}

static void only_an_enforced_policy_refuses(void **unused)
{
    const struct sts_rule none = {0};
    const struct sts_rule testing = rule_of(STS_TESTING);
    const struct sts_rule enforced = rule_of(STS_ENFORCE);
    struct sts_rule other = enforced;

    (void)unused;
    assert_false(sts_refuses(&none, SLICE("mx.elsewhere.test")));
    assert_false(sts_refuses(&testing, SLICE("mx.elsewhere.test")));
    assert_true(sts_refuses(&enforced, SLICE("mx.elsewhere.test")));
    assert_false(sts_refuses(&enforced, SLICE("MX.partner.test")));
    assert_true(sts_rules(&enforced) && !sts_rules(&testing) && !sts_rules(&none));
    assert_true(sts_same(&enforced, &other));
    other.id = SLICE("2");
    assert_false(sts_same(&enforced, &other));
    assert_false(sts_same(&enforced, &testing));
}

static struct tls_result opened(uint64_t policy, const struct sts_rule *rule, uint64_t level,
                                const char *verdict, const char *host)
{
    const struct evidence seen = {.host = slice_text(host),
                                  .address = SLICE("192.0.2.1:25"),
                                  .level = level,
                                  .verdict = slice_text(verdict)};
    struct tls_tally t = {.n = 0};

    tally_opened(&t, policy, rule, &seen);
    assert_int_equal(t.n, 1);
    return t.results[0];
}

static void a_session_is_counted_under_its_policy(void **unused)
{
    const struct sts_rule none = {0};
    const struct sts_rule testing = rule_of(STS_TESTING);
    struct tls_result r;

    (void)unused;
    r = opened(TLS_POLICY_NONE, &none, LEVEL_ENCRYPTED, "untrusted", "mx.any.test");
    assert_true(r.type.len == 0 && r.policy == TLS_POLICY_NONE);
    assert_slice(r.address, "192.0.2.1");
    r = opened(TLS_POLICY_NONE, &none, LEVEL_CLEARTEXT, "", "mx.any.test");
    assert_slice(r.type, "starttls-not-supported");
    /* What is not enforced is told. */
    r = opened(TLS_POLICY_STS, &testing, LEVEL_ENCRYPTED, "expired", "mx.partner.test");
    assert_slice(r.type, "certificate-expired");
    r = opened(TLS_POLICY_STS, &testing, LEVEL_VERIFIED, "verified", "mx.elsewhere.test");
    assert_slice(r.type, "validation-failure");
    r = opened(TLS_POLICY_STS, &testing, LEVEL_VERIFIED, "verified", "mx.partner.test");
    assert_true(r.type.len == 0);
    r = opened(TLS_POLICY_DANE, &none, LEVEL_AUTHENTICATED, "verified", "mx.any.test");
    assert_true(r.type.len == 0 && r.policy == TLS_POLICY_DANE);
}

static void only_what_tls_spoiled_is_a_failure(void **unused)
{
    const struct evidence clear = {.host = SLICE("mx.partner.test"), .address = SLICE("[::1]:25")};
    struct evidence bad = clear;
    struct tls_tally t = {.n = 0};

    (void)unused;
    bad.tls_version = SLICE("TLSv1.3");
    bad.verdict = SLICE("name-mismatch");
    tally_failed(&t, TLS_POLICY_STS, &clear, SLICE("4.4.1"), false); /* it was not reached */
    assert_int_equal(t.n, 0);
    tally_failed(&t, TLS_POLICY_STS, &clear, SLICE("4.7.4"), true);
    tally_failed(&t, TLS_POLICY_STS, &bad, SLICE("4.7.5"), true);
    tally_failed(&t, TLS_POLICY_NONE, &clear, SLICE("4.7.5"), true);
    tally_refused(&t, SLICE("mx.elsewhere.test"));
    assert_int_equal(t.n, 4);
    assert_slice(t.results[0].type, "starttls-not-supported");
    assert_slice(t.results[0].address, "::1");
    assert_slice(t.results[1].type, "certificate-host-mismatch");
    assert_slice(t.results[2].type, "validation-failure");
    assert_slice(t.results[3].host, "mx.elsewhere.test");
    tally_refused(NULL, SLICE("x"));
    for (size_t i = 0; i < 2 * (size_t)TLS_RESULTS_MAX; i++) {
        tally_refused(&t, SLICE("x"));
    }
    assert_int_equal(t.n, TLS_RESULTS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_an_enforced_policy_refuses),
        cmocka_unit_test(a_session_is_counted_under_its_policy),
        cmocka_unit_test(only_what_tls_spoiled_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
