#include "base/buf.h"

#include "stages/identity/asserted.h"
#include "tests/test.h"

#define MARK "X-OriginatorOrg: example.onmicrosoft.test\r\n"

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;
static const struct asserted_mark marks[] = {
    {SLICE_INIT("X-OriginatorOrg"), SLICE_INIT("example.onmicrosoft.test")},
    {SLICE_INIT("X-Ours"),          SLICE_INIT("a long secret")           },
};
static const struct slice domains[] = {SLICE_INIT("example.test"), SLICE_INIT("b\xc3\xbc"
                                                                              "cher.test")};

struct given {
    const char *path;
    const char *header;
    enum identity_verdict verdict;
    const char *from; /* when proven */
};

static void judge(const struct given *g)
{
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct identity_answer answer;
    struct mail_header h;
    struct slice from;

    mail_header_read(slice_text(g->header), &limits, false, &a, &h);
    bool proven = asserted_judge(domains, 2, slice_text(g->path), &h, false, &a, &from, &answer);
    assert_int_equal(answer.verdict, g->verdict);
    assert_int_equal(proven, g->verdict == IDENTITY_PROVEN);
    assert_slice(from, proven ? g->from : "");
}

static void whoever_of_our_domains_the_provider_says(void **unused)
{
    static const struct given cases[] = {
        {"anna@example.test",       MARK "From: Anna <anna@example.test>\r\n",                      IDENTITY_PROVEN,
         "anna@example.test"                                                                                                                          },
        {"bounce@EXAMPLE.test",     MARK "From: anna@Example.test\r\nSender: eve@example.test\r\n",
         IDENTITY_PROVEN,                                                                                                          "anna@Example.test"},
        {"anna@xn--bcher-kva.test", MARK "From: anna@xn--bcher-kva.test\r\n",                       IDENTITY_PROVEN,
         "anna@xn--bcher-kva.test"                                                                                                                    },
 /* automatic replies */
        {"",                        MARK "From: anna@example.test\r\n",                             IDENTITY_PROVEN,               "anna@example.test"},
        {"anna@example.test",       "x-ours:  A Long Secret \r\nFrom: anna@example.test\r\n",
         IDENTITY_PROVEN,                                                                                                          "anna@example.test"},

        {"anna@example.test",       MARK "From: anna@partner.test\r\n",                             IDENTITY_FROM_FOREIGN,         NULL               },
        {"anna@partner.test",       MARK "From: anna@example.test\r\n",                             IDENTITY_REVERSE_PATH_FOREIGN,
         NULL                                                                                                                                         },
        {"anna@example.test",       MARK "From: anna@mail.example.test\r\n",                        IDENTITY_FROM_FOREIGN,         NULL               },
        {"",                        MARK "From: anna@partner.test\r\n",                             IDENTITY_FROM_FOREIGN,         NULL               },
        {"",                        MARK "Subject: x\r\n",                                          IDENTITY_FROM_MISSING,         NULL               },
        {"anna@example.test",       MARK "From: anna@example.test, bob@example.test\r\n",
         IDENTITY_FROM_SEVERAL,                                                                                                    NULL               },
        {"anna@example.test",       MARK "From: anna@example.test\r\nSender: ceo@partner.test\r\n",
         IDENTITY_SENDER_FOREIGN,                                                                                                  NULL               },
        {"anna@example.test",       MARK "From: \"ceo@partner.test\" <anna@example.test>\r\n",
         IDENTITY_FROM_UNCLEAR,                                                                                                    NULL               },
        {"anna@example.test",       MARK "From: anna@example.test\r\nfrom: bob@example.test\r\n",
         IDENTITY_FROM_REPEATED,                                                                                                   NULL               },
        {"anna@example.test",
         "From: \"boss@example.test\" <anna@example.test>\r\nResent-From: boss@example.test\r\n",   IDENTITY_FROM_UNCLEAR,         NULL               },
        {"boss@example.test",       "From: \"boss@example.test\" <anna@example.test>\r\n",
         IDENTITY_FROM_UNCLEAR,                                                                                                    NULL               },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        judge(&cases[i]);
    }
}

static void only_with_our_mark(void **unused)
{
    static const struct {
        const char *header;
        bool marked;
    } cases[] = {
        {MARK "From: anna@example.test\r\n",                              true },
        {"x-ours:  A Long\r\n Secret \r\n",                               false},
        {"x-ours:  A Long Secret \r\n",                                   true },
        {"From: anna@example.test\r\n",                                   false},
        {"X-OriginatorOrg: other.test\r\n",                               false},
        {"X-OriginatorOrg:\r\n",                                          false},
        {"X-OriginatorOrg: example.onmicrosoft.test.evil\r\n",            false},
        {"X-Ours: example.onmicrosoft.test\r\n",                          false},
        {"X-OriginatorOrg: a long secret\r\n",                            false},
        {MARK "x-originatororg: other.test\r\n",                          false},
        {MARK MARK,                                                       false},
        {MARK "x-originatororg: other.test\r\nX-Ours: a long secret\r\n", true },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        OWN(arena) struct arena a = {.max = 1 << 20};
        struct mail_header h;
        mail_header_read(slice_text(cases[i].header), &limits, false, &a, &h);
        assert_int_equal(asserted_is_marked(&h, marks, 2), cases[i].marked);
    }
}

static void what_goes_round_in_circles_ends(void **unused)
{
    OWN(buf) struct buf header = {.max = 1 << 16};

    (void)unused;
    buf_add_text(&header, MARK "From: anna@example.test\r\n");
    for (int i = 0; i < ASSERTED_RECEIVED_MAX; i++) {
        buf_add_text(&header, "Received: by x; Tue, 24 Nov 2026 07:30:00 +0000\r\n");
    }
    buf_add_byte(&header, 0);
    judge(&(struct given){"", (const char *)header.ptr, IDENTITY_PROVEN, "anna@example.test"});
    header.len--;
    buf_add_text(&header, "Received: by y; Tue, 24 Nov 2026 07:30:00 +0000\r\n");
    buf_add_byte(&header, 0);
    judge(&(struct given){"", (const char *)header.ptr, IDENTITY_FROM_UNCLEAR, NULL});
}

static void without_a_domain_nobody_is_ours(void **unused)
{
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct identity_answer answer;
    struct mail_header h;
    struct slice from;

    (void)unused;
    mail_header_read(SLICE(MARK "From: anna@example.test\r\n"), &limits, false, &a, &h);
    assert_false(asserted_judge(NULL, 0, SLICE_NONE, &h, false, &a, &from, &answer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_of_our_domains_the_provider_says),
        cmocka_unit_test(only_with_our_mark),
        cmocka_unit_test(what_goes_round_in_circles_ends),
        cmocka_unit_test(without_a_domain_nobody_is_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
