#include "conditions/conditions.h"
#include "conditions/labels.h"
#include "tests/test.h"

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

static const char sections[] = "[label secure]\nheader-label = \"X-Label: secure\"\nsubject-tag = "
                               "[secure], [sicher]\nremove-tag = yes\n"
                               "[label pay]\naccount = payroll@example.test\nsubject-tag = [pay]\n";

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

static void what_puts_one_on(void **unused)
{
    static const struct {
        const char *header, *subject, *account, *labels, *left;
    } rows[] = {
        {"X-Label: secure\r\n",           "",                 "anna@example.test",    "secure",     ""},
        {"x-label: other, SECURE\r\n",    "",                 "anna@example.test",    "secure",     ""},
        {"X-Label: insecure\r\n",         "",                 "anna@example.test",    "",           ""},
        {"Subject: Re: [Sicher] x\r\n",   "Re: [Sicher] x",   "anna@example.test",    "secure",
         "Subject: Re: x\r\n"                                                                         },
        {"subject: [pay] x\r\n",          "[pay] x",          "anna@example.test",    "pay",        ""},
        {"Subject: [pay] [secure] x\r\n", "[pay] [secure] x", "PAYROLL@example.test", "secure pay",
         "Subject: [pay] x\r\n"                                                                       },
        {"Subject: x\r\n",                "x",                "payroll@example.test", "pay",        ""},
        {"",                              "",                 "",                     "",           ""},
    };
    OWN(arena) struct arena a = {.max = 1 << 24};
    struct settings s = read_settings(sections, &a);

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mail_header h;
        struct slice text = SLICE("");
        struct facts f = {.subject = slice_text(rows[i].subject),
                          .account = slice_text(rows[i].account)};
        mail_header_read(arena_printf(&a, "%s\r\nx\r\n", rows[i].header), &limits, false, &a, &h);
        struct cbor_list labels = labels_find(&f, &h, &s, &a);
        for (size_t k = 0; k < labels.count; k++) {
            text = arena_printf(&a, "%.*s%s%.*s", SLICE_ARG(text), k ? " " : "",
                                SLICE_ARG(((const struct slice *)labels.items)[k]));
        }
        struct slice left = labels_subject(&labels, &h, &s, &a);
        if (!slice_equal(text, slice_text(rows[i].labels)) ||
            !slice_equal(left, slice_text(rows[i].left))) {
            fail_msg("row %zu: %.*s, %.*s", i, SLICE_ARG(text), SLICE_ARG(left));
        }
    }
}

/* What is known of nothing is not taken for clean, and not for dirty. */
static void without_header_and_findings(void **unused)
{
    OWN(arena) struct arena a = {.max = 1 << 24};
    OWN(buf) struct buf why = {.max = 1000};
    struct facts f = {.size = 5000};
    const struct conditions_letter l = {.facts = &f};
    const int unread[] = {SETTING_FINDING_UNREAD};
    const int card[] = {SETTING_FINDING_CARD};
    const struct conditions_settings not_read = {
        .findings = {(void *)(uintptr_t)unread, 1}
    };
    const struct conditions_settings cards = {
        .findings = {(void *)(uintptr_t)card, 1}
    };
    const struct conditions_settings large = {.attachment_larger = 4000};
    (void)unused;

    assert_true(conditions_letter_holds(&not_read, &l, &a, &why));
    assert_false(conditions_letter_holds(&cards, &l, &a, &why));
    assert_true(conditions_letter_holds(&large, &l, &a, &why));
    assert_slice(labels_subject(&l.labels, NULL, &(struct settings){0}, &a), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_puts_one_on),
        cmocka_unit_test(without_header_and_findings),
    };
    return cmocka_run_group_tests_name("conditions/labels", tests, NULL, NULL);
}
