#include "stages/policy/policy.h"
#include "tests/test.h"

static struct settings read_settings(const char *more, struct arena *arena)
{
    struct settings s;
    struct error e;
    struct slice text = arena_printf(arena,
                                     "domain = example.test\nhostname = mail.example.test\n"
                                     "data-directory = /var/lib/postern\n"
                                     "tls-certificate = /c.pem\ntls-key = /k.pem\n%s",
                                     more);

    assert_ok(settings_read(text, "postern.conf", arena, &s, NULL, &e), e);
    return s;
}

static struct decision decide(const char *more, struct arena *arena)
{
    static struct recipient to[] = {{.address = SLICE_INIT("a@One.test")},
                                    {.address = SLICE_INIT("b@two.test")},
                                    {.address = SLICE_INIT("c@one.TEST")},
                                    {.address = SLICE_INIT("d@B\xc3\xbc"
                                                           "cher.test")},
                                    {.address = SLICE_INIT("e@xn--bcher-kva.test")}};
    struct facts f = {
        .recipients = {to, 5}
    };
    struct settings s = read_settings(more, arena);
    struct decision d;

    policy_decide(&(struct policy_letter){.facts = &f}, &s, arena, &d);
    return d;
}

static void one_ruling_a_domain(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 22};
    struct decision d = decide("", &a);
    const struct ruling *r = d.rulings.items;

    assert_int_equal(d.rulings.count, 3);
    assert_slice(r[0].domain, "one.test");
    assert_int_equal(r[0].recipients.len, 4);
    assert_int_equal(r[0].recipients.ptr[3], 2);
    assert_int_equal(r[0].level, LEVEL_ENCRYPTED); /* never cleartext by itself */
    assert_slice(r[0].route, "");
    assert_slice(r[2].domain, "xn--bcher-kva.test");
    assert_int_equal(r[2].recipients.len, 4);
}

static void settings_name_domains(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 22};
    struct decision d = decide("[domain one.test]\ntls = verified\nroute = mx.one.test:26\n"
                               "[domain two.test]\ntls = cleartext\n"
                               "[smarthost]\nhost = relay.test:587\n",
                               &a);
    const struct ruling *r = d.rulings.items;

    assert_int_equal(r[0].level, LEVEL_VERIFIED);
    assert_slice(r[0].route, "mx.one.test:26");
    assert_slice(r[0].reason, "[domain one.test] tls");
    assert_int_equal(r[1].level, LEVEL_VERIFIED); /* of the smart host, which gets our password */
    assert_slice(r[1].reason, "[smarthost] tls");
    assert_slice(r[1].route, "relay.test:587");
}

/* Nothing leaves where nothing rules. */
static void a_drills_letter_has_no_ruling(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 22};
    static struct recipient to[] = {{.address = SLICE_INIT("a@one.test")}};
    struct facts f = {
        .id = SLICE("0123456789"), .recipients = {to, 1},
             .drill = true
    };
    struct settings s = read_settings("", &a);
    struct decision d;

    policy_decide(&(struct policy_letter){.facts = &f}, &s, &a, &d);
    assert_int_equal(d.rulings.count, 0);
    assert_true(d.drill);
    assert_slice(d.id, "0123456789");
    f.drill = false;
    policy_decide(&(struct policy_letter){.facts = &f}, &s, &a, &d);
    assert_int_equal(d.rulings.count, 1);
    assert_false(d.drill);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_ruling_a_domain),
        cmocka_unit_test(settings_name_domains),
        cmocka_unit_test(a_drills_letter_has_no_ruling),
    };
    return cmocka_run_group_tests_name("stages/policy", tests, NULL, NULL);
}
