#include "config/settings.h"
#include "tests/test.h"

#define REQUIRED              "domain = example.test\nhostname = mail.example.test\n"
#define DIRECTORY(name, more) "[certificates " name "]\nserver = ldap.test\nbase = o=x\n" more

static bool read_text(const char *text, struct arena *arena, struct settings *out, struct error *e)
{
    struct config_problems problems = {.count = 0};

    return settings_read(slice_text(text), "postern.conf", arena, out, &problems, e);
}

static void assert_asked(const struct settings *s, const char *domain, const char *name)
{
    const struct certificates_settings *c = settings_certificates_of(s, slice_text(domain));

    assert_slice(c ? c->name : SLICE("nobody"), name);
}

static void the_first_that_names_a_domain_is_asked(void **unused)
{
    OWN(arena) struct arena arena = {.max = CONFIG_ARENA_MAX};
    struct settings s;
    struct error e;
    (void)unused;

    assert_ok(read_text(REQUIRED DIRECTORY("one", "domain = a.test, Example.test\n")
                            DIRECTORY("two", "domain = b.test, a.test\n"),
                        &arena, &s, &e),
              e);
    assert_asked(&s, "A.test", "one");
    assert_asked(&s, "b.test", "two");
    assert_asked(&s, "example.test", "one"); /* it is ours, and named */
    assert_asked(&s, "sub.a.test", "nobody");
    assert_asked(&s, "", "nobody");
    assert_non_null(settings_certificates(&s, SLICE("two")));
    assert_null(settings_certificates(&s, SLICE("three")));
}

static void one_without_domains_is_for_all_others(void **unused)
{
    OWN(arena) struct arena arena = {.max = CONFIG_ARENA_MAX};
    struct settings s;
    struct error e;
    (void)unused;

    assert_ok(read_text(REQUIRED DIRECTORY("one", "domain = a.test\n") DIRECTORY("rest", ""),
                        &arena, &s, &e),
              e);
    assert_asked(&s, "a.test", "one");
    assert_asked(&s, "c.test", "rest");
    assert_asked(&s, "example.test", "nobody");
}

static void what_makes_no_sense(void **unused)
{
    static const struct {
        const char *text, *complaint;
    } rows[] = {
        {REQUIRED DIRECTORY("x",                            "bind-dn = cn=p\n"),          "want each other"    },
        {REQUIRED DIRECTORY("x",                            "bind-password-file = /p\n"), "want each other"    },
        {REQUIRED DIRECTORY("x",                            "server = ldap.test:0\n"),    "`server`"           },
        {REQUIRED DIRECTORY("x",                            "tls = none\n"),              "`ldaps`, `starttls`"},
        {REQUIRED "[certificates x]\nserver = ldap.test\n", "`base` is not set"         },
        {REQUIRED "[certificates x]\nbase = o=x\n",                            "`server` is not set"                            },
        {REQUIRED DIRECTORY("a23456789012345678901234567890123",                          ""),                                                      "at most 32 characters"                     },
    };

    (void)unused;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        OWN(arena) struct arena arena = {.max = CONFIG_ARENA_MAX};
        struct settings s;
        struct error e;
        assert_false(read_text(rows[i].text, &arena, &s, &e));
        if (!strstr(e.text, rows[i].complaint)) {
            fail_msg("%s: %s", rows[i].complaint, e.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_names_a_domain_is_asked),
        cmocka_unit_test(one_without_domains_is_for_all_others),
        cmocka_unit_test(what_makes_no_sense),
    };
    return cmocka_run_group_tests_name("config/settings_certificates", tests, NULL, NULL);
}
