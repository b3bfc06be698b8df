#include "stages/approval/approval.h"
#include "tests/test.h"

#define APPROVERS "approver-role = officer\n"

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

static bool read_settings(const char *more, struct arena *arena, struct settings *s,
                          struct error *e)
{
    struct slice text = arena_printf(arena,
                                     "domain = example.test\nhostname = mail.example.test\n"
                                     "data-directory = /var/lib/postern\n"
                                     "tls-certificate = /c.pem\ntls-key = /k.pem\n%s",
                                     more);

    return settings_read(text, "postern.conf", arena, s, NULL, e);
}

/* One letter: two recipients outside, of whom one is named twice, and one inside. */
struct scene {
    struct arena arena;
    struct recipient to[4];
    struct ruling rulings[2];
    struct slice groups[1];
    struct part parts[3];
    struct facts facts;
    struct mail_header header;
    struct findings findings;
    struct decision decision;
};

static void set(struct scene *s)
{
    static const uint8_t outside[] = {0, 0, 0, 1, 0, 3};
    static const uint8_t inside[] = {0, 2};

    *s = (struct scene){
        .arena = {.max = 1 << 22                                                              },
        .to = { {.address = SLICE("paul@partner.test")},
                  {.address = SLICE("\"petra\"@partner.test")},
                  {.address = SLICE("anna@example.test")},
                  {.address = SLICE("PAUL@partner.test")}},
        .rulings = {                                        {.domain = SLICE("partner.test"), .recipients = slice_of(outside, 6)},
                  {.domain = SLICE("example.test"), .recipients = slice_of(inside, 2)}},
        .groups = {         SLICE("sales")                         },
        .parts = {             {.type = SLICE("multipart/mixed"), .reading = PART_CONTAINER, .size = 90000},
                  {.type = SLICE("text/plain"), .reading = PART_TEXT, .size = 70000},
                  {.type = SLICE("image/png"), .reading = PART_SKIPPED, .size = 20000}},
    };
    s->facts = (struct facts){
        .subject = SLICE("Offer [Secure-Approval] for you"),
        .size = 90000,
        .recipients = {s->to,     4},
        .groups = {s->groups, 1}
    };
    s->decision.rulings = (struct cbor_list){s->rulings, 2};
    s->findings.parts = (struct cbor_list){s->parts, 3};
    mail_header_read(
        SLICE("From: a@example.test\r\nSensitivity: Private,\r\n Company\r\n\r\nx\r\n"), &limits,
        false, &s->arena, &s->header);
}

/* The name of the section that it meets, or "". */
static struct slice judge(struct scene *s, const char *more, struct slice *why)
{
    struct settings settings;
    struct error e;
    const struct approval_letter l = {&s->facts, &s->header, &s->findings, &s->decision};

    assert_ok(read_settings(more, &s->arena, &settings, &e), e);
    const struct approval_settings *a = approval_judge(&l, &settings, &s->arena, why);
    return a ? a->name : SLICE("");
}

static void each_condition(void **unused)
{
    static const struct {
        const char *condition;
        bool met;
    } rows[] = {
        {"recipients-outside = 1",                  true },
        {"recipients-outside = 2",                  false}, /* the same address twice is one */
        {"recipients-outside = 0",                  true },
        {"subject-tag = [secure-approval]",         true },
        {"subject-tag = [other]",                   false},
        {"subject-tag = [other], offer",            true },
        {"header-label = Sensitivity: company",     true },
        {"header-label = Sensitivity: comp",        false},
        {"header-label = X-Sensitivity: company",   false},
        {"group = sales",                           true },
        {"group = support",                         false},
        {"group = support, sales",                  true },
        {"attachment-larger-than = 19999B",         true },
        {"attachment-larger-than = 20000B",         false}, /* the text is no attachment */
        {"to = petra@partner.test",                 true },
        {"to = pete@partner.test",                  false},
        {"to-domain = partner.test",                true },
        {"to-domain = other.test",                  false},
        {"group = sales\nto-domain = other.test",   false}, /* all must hold */
        {"group = sales\nto-domain = partner.test", true },
    };

    (void)unused;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct scene s;
        struct slice why;
        set(&s);
        struct slice more =
            arena_printf(&s.arena, "[approval big]\n%s\n" APPROVERS, rows[i].condition);
        struct slice name = judge(&s, arena_text(&s.arena, more), &why);
        if (slice_equal(name, SLICE("big")) != rows[i].met || (rows[i].met && why.len == 0)) {
            fail_msg("%s", rows[i].condition);
        }
        arena_done(&s.arena);
    }
}

static void the_first_section_counts(void **unused)
{
    struct scene s;
    struct slice why;
    (void)unused;

    set(&s);
    assert_slice(judge(&s,
                       "[approval one]\nrecipients-outside = 5\n" APPROVERS
                       "[approval two]\nrecipients-outside = 1\n" APPROVERS
                       "[approval three]\nrecipients-outside = 0\n" APPROVERS,
                       &why),
                 "two");
    assert_slice(why, "2 recipients outside, more than 1");
    assert_slice(judge(&s, "", &why), "");
    arena_done(&s.arena);
}

static void what_could_not_be_read_counts_whole(void **unused)
{
    struct scene s;
    struct slice why;
    (void)unused;

    set(&s);
    s.findings = (struct findings){.unread = true};
    assert_slice(judge(&s, "[approval big]\nattachment-larger-than = 89999B\n" APPROVERS, &why),
                 "big");
    assert_slice(judge(&s, "[approval big]\nattachment-larger-than = 90000B\n" APPROVERS, &why),
                 "");
    arena_done(&s.arena);
}

static void the_text_of_a_section(void **unused)
{
    OWN(arena) struct arena a = {.max = 1 << 22};
    struct settings s;
    struct error e;
    (void)unused;

    assert_ok(
        read_settings("[approval big]\ntimeout = 4h\napprover-account = bea@example.test\n"
                      "group = sales\ngroup = support\nrecipients-outside = 0\n"
                      "approver-role = officer, administrator\nattachment-larger-than = 1KiB\n",
                      &a, &s, &e),
        e);
    const struct approval_settings *big = s.approvals.items;
    assert_slice(
        approval_text(big, &a),
        "[approval big]\nrecipients-outside = 0\ngroup = sales, support\n"
        "attachment-larger-than = 1024B\napprover-role = officer, administrator\n"
        "approver-account = bea@example.test\ntimeout = 14400000ms\non-timeout = return\n");
    struct cbor_list who = approval_approvers(big, &a);
    assert_int_equal(who.count, 3);
    assert_slice(((const struct slice *)who.items)[1], "role administrator");
    assert_slice(((const struct slice *)who.items)[2], "account bea@example.test");
}

static void what_makes_no_sense(void **unused)
{
    static const struct {
        const char *section, *complaint;
    } rows[] = {
        {APPROVERS,                                      "no condition"        },
        {"group = sales\n",                              "nobody could approve"},
        {"group = sales\napprover-role = boss\n",        "postern.conf:8:"     },
        {"group = sales\ntimeout = 2\n" APPROVERS,       "postern.conf:8:"     },
        {"group = sales\non-timeout = send\n" APPROVERS, "postern.conf:8:"     },
        {"header-label = Sensitivity\n" APPROVERS,       "header-label"        },
        {"recipients-outside = 1001\n" APPROVERS,        "postern.conf:7:"     },
    };

    (void)unused;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        OWN(arena) struct arena a = {.max = 1 << 22};
        struct settings s;
        struct error e = {0};
        struct slice more = arena_printf(&a, "[approval big]\n%s", rows[i].section);
        assert_false(read_settings(arena_text(&a, more), &a, &s, &e));
        if (!strstr(e.text, rows[i].complaint)) {
            fail_msg("%s: %s", rows[i].section, e.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_condition),
        cmocka_unit_test(the_first_section_counts),
        cmocka_unit_test(what_could_not_be_read_counts_whole),
        cmocka_unit_test(the_text_of_a_section),
        cmocka_unit_test(what_makes_no_sense),
    };
    return cmocka_run_group_tests_name("approval", tests, NULL, NULL);
}
