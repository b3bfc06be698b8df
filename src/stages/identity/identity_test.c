#include "base/buf.h"

#include "stages/identity/identity.h"
#include "tests/test.h"

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;
static const struct slice addresses[] = {
    SLICE_INIT("alice@Example.test"),
    SLICE_INIT("office+x@example.test"),
    SLICE_INIT("alice@b\xc3\xbc"
               "cher.test"),
    SLICE_INIT("not an address"),
};
static const struct slice delegated[] = {
    SLICE_INIT("board@example.test"),
    SLICE_INIT("press@example.test"),
};

static enum identity_verdict judge(struct slice reverse_path, struct slice header, bool utf8,
                                   bool nocase, struct identity_answer *answer)
{
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct identity_account account = {.addresses = addresses,
                                       .n_addresses = 4,
                                       .delegated = delegated,
                                       .n_delegated = 2,
                                       .local_nocase = nocase};
    struct mail_header h;

    mail_header_read(header, &limits, utf8, &a, &h);
    bool proven = identity_judge(reverse_path, &h, utf8, &account, &a, answer);
    assert_int_equal(proven, answer->verdict == IDENTITY_PROVEN);
    assert_int_equal(proven, answer->sentence[0] == '\0');
    assert_true(slice_is_ascii(slice_text(answer->sentence)));
    return answer->verdict;
}

static const struct {
    struct slice reverse_path;
    struct slice header;
    enum identity_verdict verdict;
} cases[] = {
    {SLICE_INIT("alice@example.test"),       SLICE_INIT("From: alice@example.test\r\n"),                   IDENTITY_PROVEN           },
    {SLICE_INIT("alice@EXAMPLE.test"),       SLICE_INIT("From: A <alice@example.TEST>\r\n"),
     IDENTITY_PROVEN                                                                                                                 },
    {SLICE_INIT("office+x@example.test"),    SLICE_INIT("From: alice@example.test\r\n"),
     IDENTITY_PROVEN                                                                                                                 },
    {SLICE_INIT("\"alice\"@example.test"),   SLICE_INIT("From: \"alice\"@example.test\r\n"),
     IDENTITY_PROVEN                                                                                                                 },
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: alice@example.test\r\nSender: office+x@example.test\r\n"),                          IDENTITY_PROVEN           },
    {SLICE_INIT("alice@xn--bcher-kva.test"), SLICE_INIT("From: alice@XN--bcher-kva.test\r\n"),
     IDENTITY_PROVEN                                                                                                                 },

    {SLICE_INIT(""),                         SLICE_INIT("From: alice@example.test\r\n"),                   IDENTITY_REVERSE_PATH_NULL},
    {SLICE_INIT("bob@example.test"),         SLICE_INIT("From: alice@example.test\r\n"),
     IDENTITY_REVERSE_PATH_FOREIGN                                                                                                   },
    {SLICE_INIT("Alice@example.test"),       SLICE_INIT("From: alice@example.test\r\n"),
     IDENTITY_REVERSE_PATH_FOREIGN                                                                                                   },
    {SLICE_INIT("office@example.test"),      SLICE_INIT("From: alice@example.test\r\n"),
     IDENTITY_REVERSE_PATH_FOREIGN                                                                                                   },
    {SLICE_INIT("alice@example.test.evil"),  SLICE_INIT("From: alice@example.test\r\n"),
     IDENTITY_REVERSE_PATH_FOREIGN                                                                                                   },
    {SLICE_INIT("not an address"),           SLICE_INIT("From: alice@example.test\r\n"),
     IDENTITY_REVERSE_PATH_UNCLEAR                                                                                                   },

    {SLICE_INIT("alice@example.test"),       SLICE_INIT("Subject: x\r\n"),                                 IDENTITY_FROM_MISSING     },
    {SLICE_INIT("alice@example.test"),       SLICE_INIT("From:\r\n"),                                      IDENTITY_FROM_MISSING     },
    {SLICE_INIT("alice@example.test"),       SLICE_INIT("From: (alice@example.test)\r\n"),
     IDENTITY_FROM_MISSING                                                                                                           },
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: alice@example.test\r\nfrom: ceo@example.test\r\n"),                                 IDENTITY_FROM_REPEATED    },
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: alice@example.test, office+x@example.test\r\n"),                                    IDENTITY_FROM_SEVERAL     },
    {SLICE_INIT("alice@example.test"),       SLICE_INIT("From: alice@example.test, ceo@example.test\r\n"),
     IDENTITY_FROM_SEVERAL                                                                                                           },
    {SLICE_INIT("alice@example.test"),       SLICE_INIT("From: us: alice@example.test;\r\n"),
     IDENTITY_FROM_GROUP                                                                                                             },
    {SLICE_INIT("alice@example.test"),       SLICE_INIT("From: us:;\r\n"),                                 IDENTITY_FROM_GROUP       },
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: =?utf-8?q?ceo=40example.test?= @example.test\r\n"),                                 IDENTITY_FROM_UNCLEAR     },
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: <@ceo@example.test:alice@example.test>\r\n"),                                       IDENTITY_FROM_UNCLEAR     },
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: ceo@example.test <alice@example.test>\r\n"),                                        IDENTITY_FROM_UNCLEAR     },
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: alice@example.test (<ceo@example.test>)\r\n"),                                      IDENTITY_FROM_UNCLEAR     },
    {SLICE_INIT("alice@example.test"),       SLICE_INIT("From: alice@example.test,\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                           },
    {SLICE_INIT("alice@example.test"),       SLICE_INIT("From: ceo@example.test\r\n"),
     IDENTITY_FROM_FOREIGN                                                                                                           },
    {SLICE_INIT("alice@example.test"),       SLICE_INIT("From: \"alice\"@evil.test\r\n"),
     IDENTITY_FROM_FOREIGN                                                                                                           },

    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: alice@example.test\r\nSender: ceo@example.test\r\n"),
     IDENTITY_SENDER_FOREIGN                                                                                                         },
    {SLICE_INIT("alice@example.test"),       SLICE_INIT("From: alice@example.test\r\nSender:\r\n"),
     IDENTITY_SENDER_UNCLEAR                                                                                                         },
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: alice@example.test\r\nSender: alice@example.test, b@c.test\r\n"),
     IDENTITY_SENDER_UNCLEAR                                                                                                         },
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: alice@example.test\r\nSender: alice@example.test\r\n"
                "Sender: alice@example.test\r\n"),
     IDENTITY_SENDER_REPEATED                                                                                                        },
};

static void one_clear_from_of_ours_is_proven(void **unused)
{
    (void)unused;
    struct identity_answer answer;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (judge(cases[i].reverse_path, cases[i].header, false, false, &answer) !=
            cases[i].verdict) {
            fail_msg("case %zu: verdict %d: %s", i, (int)answer.verdict, answer.sentence);
        }
    }
}

static void settings_widen_what_is_the_same(void **unused)
{
    (void)unused;
    struct identity_answer answer;
    struct slice plain = SLICE("From: ALICE@example.test\r\n");
    struct slice utf8 = SLICE("From: alice@b\xc3\xbc"
                              "cher.test\r\n");

    assert_int_equal(judge(SLICE("Alice@example.test"), plain, false, true, &answer),
                     IDENTITY_PROVEN);
    assert_int_equal(judge(SLICE("alice@example.test"), plain, false, false, &answer),
                     IDENTITY_FROM_FOREIGN);
    assert_int_equal(judge(SLICE("alice@example.test"), utf8, true, false, &answer),
                     IDENTITY_PROVEN);
    assert_int_equal(judge(SLICE("alice@example.test"), utf8, false, false, &answer),
                     IDENTITY_FROM_UNCLEAR);
}

static void refusals_say_what_to_do(void **unused)
{
    (void)unused;
    struct identity_answer answer;

    (void)judge(SLICE("alice@example.test"), SLICE("From: Boss <ceo@example.test>\r\n"), false,
                false, &answer);
    assert_string_equal(answer.sentence,
                        "You may not send as ceo@example.test, the From address of this letter.");
    assert_string_equal(answer.code, "5.7.1");
    (void)judge(SLICE("alice@example.test"), SLICE("From: alice@example.test,\r\n"), false, false,
                &answer);
    assert_string_equal(answer.sentence, "The From field uses an outdated way of writing addresses "
                                         "that programs read differently.");
    assert_string_equal(answer.code, "5.6.0");
    (void)judge(SLICE("\xc3\xbc@x.test"), SLICE("From: a\r\n"), true, false, &answer);
    assert_string_equal(answer.sentence,
                        "You may not send as ??@x.test, the return address of this letter.");
    (void)judge(SLICE_NONE, SLICE("From: a\r\n"), true, false, &answer);
    assert_string_equal(answer.code, "5.1.7");
}

static const struct {
    struct slice header;
    enum identity_verdict verdict;
} tricks[] = {
  /* a domain that maps to ours: fullwidth, another script's dot, a soft hyphen */
    {SLICE_INIT("From: alice@\xef\xbd\x85xample.test\r\n"),                                             IDENTITY_FROM_FOREIGN},
    {SLICE_INIT("From: alice@example\xe3\x80\x82test\r\n"),                                             IDENTITY_FROM_FOREIGN},
    {SLICE_INIT("From: alice@exam\xc2\xadple.test\r\n"),                                                IDENTITY_FROM_FOREIGN},
    {SLICE_INIT("From: alice@ex\xe2\x80\x8b"
                "ample.test\r\n"),
     IDENTITY_FROM_FOREIGN                                                                                                   },
 /* homographs and other forms of the same letter */
    {SLICE_INIT("From: alice@ex\xd0\xb0mple.test\r\n"),                                                 IDENTITY_FROM_FOREIGN},
    {SLICE_INIT("From: alic\xd0\xb5@example.test\r\n"),                                                 IDENTITY_FROM_FOREIGN},
    {SLICE_INIT("From: alice\xef\xbc\xa0"
                "example.test\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
    {SLICE_INIT("From: alice@xn--example-.test\r\n"),                                                   IDENTITY_FROM_UNCLEAR},
 /* names that hide another address from whoever decodes first */
    {SLICE_INIT("From: =?utf-8?q?ceo=40example.test=00?= <alice@example.test>\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
    {SLICE_INIT("From: =?utf-8?q?x=0D=0AFrom:_ceo=40example.test?= <alice@example.test>\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
    {SLICE_INIT("From: (=?utf-8?q?=3Cceo=40example.test=3E?=) alice@example.test\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
    {SLICE_INIT("From: =?utf-8?q?a?b?= <alice@example.test>\r\n"),                                      IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: \"x\" <alice@example.test> (=?utf-8?b?PGNlb0B4Pg==?=)\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
 /* charsets and encodings that others read differently: UTF-7, EBCDIC, padding in the middle */
    {SLICE_INIT("From: =?utf-7?q?ceo+AEA-example.test?= <alice@example.test>\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
    {SLICE_INIT("From: =?cp037?b?TIOFlnyFp4GUl5OFS6OFoqNua0A=?= <alice@example.test>\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
    {SLICE_INIT(
         "From: =?utf-8?q?ceo=40example=E3=80?= =?us-ascii?q?=82test?= <alice@example.test>\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
    {SLICE_INIT("From: =?utf-8?q?=22m=22alice=40example.test?= <alice@example.test>\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
    {SLICE_INIT("From: =?us-ascii?q?ceo=EF=BC=A0example.test?= <alice@example.test>\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
    {SLICE_INIT("From: =?windows-1252?q?ceo=40example=E3=80=82test?= <alice@example.test>\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
    {SLICE_INIT("From: =?utf-8?b?QUJDR?= <alice@example.test>\r\n"),                                    IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: =?utf-8?b?QUJDRA?= <alice@example.test>\r\n"),                                   IDENTITY_PROVEN      },
    {SLICE_INIT("From: =?utf-8?b?QQ==PGNlb0B4Pg==?= <alice@example.test>\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
    {SLICE_INIT("From: =?utf-8?q?x=3?= <alice@example.test>\r\n"),                                      IDENTITY_FROM_UNCLEAR},
 /* a line end of Unicode; writing from right to left */
    {SLICE_INIT("From: =?utf-8?q?x=C2=85From:_ceo?= <alice@example.test>\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
    {SLICE_INIT("From: =?utf-8?q?=E2=80=AEtset.elpmaxe=40oec?= <alice@example.test>\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
 /* names that show an address: only one's own */
    {SLICE_INIT("From: \"ceo@example.test\" <alice@example.test>\r\n"),                                 IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: alice@example.test (ceo@example.test)\r\n"),                                     IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: (ceo@example.test) A <alice@example.test>\r\n"),                                 IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: =?utf-8?q?ceo=40example.test=2C?= <alice@example.test>\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
    {SLICE_INIT("From: \"ceo @ example.test\" <alice@example.test>\r\n"),                               IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: \"ceo\\@example.test\" <alice@example.test>\r\n"),                               IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: \"ceo\xef\xbc\xa0"
                "example\xe3\x80\x82test\" <alice@example.test>\r\n"),
     IDENTITY_FROM_UNCLEAR                                                                                                   },
    {SLICE_INIT(
         "From: alice@example.test\r\nSender: \"ceo@example.test\" <alice@example.test>\r\n"),
     IDENTITY_SENDER_UNCLEAR                                                                                                 },
    {SLICE_INIT("From: \"'alice@example.test'\" <alice@example.test>\r\n"),                             IDENTITY_PROVEN      },
    {SLICE_INIT("From: \"Alice (office+x@example.test)\" <alice@example.test>\r\n"),
     IDENTITY_PROVEN                                                                                                         },
    {SLICE_INIT("From: \"Support @ Example Inc.\" <alice@example.test>\r\n"),                           IDENTITY_PROVEN      },
    {SLICE_INIT("From: \"Alice (@alice)\" <alice@example.test>\r\n"),                                   IDENTITY_PROVEN      },
 /* addresses behind the end, before the beginning, in the middle */
    {SLICE_INIT("From: <alice@example.test> <ceo@example.test>\r\n"),                                   IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: alice@example.test ceo@example.test\r\n"),                                       IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: ceo@example.test, <alice@example.test\r\n"),                                     IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: alice@example.test:ceo@example.test;\r\n"),                                      IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: alice@example.test;\r\n"),                                                       IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: alice(x)@example.test\r\n"),                                                     IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: alice@example.(x)test\r\n"),                                                     IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: alice@example.test.\r\n"),                                                       IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: alice\\@example.test\r\n"),                                                      IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: \"alice\r\n \"@example.test\r\n"),                                               IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: ceo@example.test@example.test\r\n"),                                             IDENTITY_FROM_UNCLEAR},
    {SLICE_INIT("From: \"ceo@example.test\"@example.test\r\n"),                                         IDENTITY_FROM_FOREIGN},
    {SLICE_INIT("From: alice@example.test (unclosed\r\n"),                                              IDENTITY_FROM_UNCLEAR},
 /* a folded field is one field */
    {SLICE_INIT("From: alice@example.test,\r\n ceo@example.test\r\n"),                                  IDENTITY_FROM_SEVERAL},
 /* the fields that some programs show instead */
    {SLICE_INIT("From: alice@example.test\r\nResent-From: ceo@example.test\r\n"),
     IDENTITY_RESENT_FOREIGN                                                                                                 },
    {SLICE_INIT("Resent-Sender: ceo@example.test\r\nFrom: alice@example.test\r\n"),
     IDENTITY_RESENT_FOREIGN                                                                                                 },
    {SLICE_INIT("Resent-From: alice@example.test\r\nFrom: alice@example.test\r\n"
                "Resent-From: alice@example.test, ceo@example.test\r\n"),
     IDENTITY_RESENT_UNCLEAR                                                                                                 },
    {SLICE_INIT("Resent-From: alice@example.test\r\nFrom: alice@example.test\r\n"
                "Resent-From: office+x@example.test\r\n"),
     IDENTITY_PROVEN                                                                                                         },
    {SLICE_INIT("From: \"Doe, Alice (R&D)\" <alice@example.test> (at work)\r\n"),                       IDENTITY_PROVEN      },
    {SLICE_INIT("From: =?iso-2022-jp?b?GyRCJCIbKEI=?= <alice@example.test>\r\n"),                       IDENTITY_PROVEN      },
};

/* What a hostile employee would try: every one of these shows some reader another sender. */
static void refuses_what_readers_see_differently(void **unused)
{
    (void)unused;

    struct identity_answer answer;

    for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
        if (judge(SLICE("alice@example.test"), tricks[i].header, true, false, &answer) !=
            tricks[i].verdict) {
            fail_msg("case %zu: verdict %d: %s", i, (int)answer.verdict, answer.sentence);
        }
    }
}

static const struct {
    struct slice reverse_path;
    struct slice header;
    enum identity_verdict verdict;
    size_t delegation;
} delegations[] = {
    {SLICE_INIT("alice@example.test"), SLICE_INIT("From: board@example.test\r\n"),               IDENTITY_PROVEN,
     1                                                                                                                   },
    {SLICE_INIT("board@example.test"), SLICE_INIT("From: board@example.test\r\n"),               IDENTITY_PROVEN,
     1                                                                                                                   },
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: press@Example.test\r\nSender: A <office+x@example.test>\r\n"),
     IDENTITY_PROVEN,                                                                                                   2},
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: \"board@example.test\" <board@example.test>\r\n"),                        IDENTITY_PROVEN,       1},
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: \"alice@example.test for the board\" <board@example.test>\r\n"),
     IDENTITY_PROVEN,                                                                                                   1},
    {SLICE_INIT("alice@example.test"), SLICE_INIT("From: alice@example.test\r\n"),               IDENTITY_PROVEN,
     0                                                                                                                   },
 /* not as another one: the name, the reverse-path, Sender, the fields of a resent letter */
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: \"press@example.test\" <board@example.test>\r\n"),                        IDENTITY_FROM_UNCLEAR, 0},
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: \"board@example.test\" <alice@example.test>\r\n"),                        IDENTITY_FROM_UNCLEAR, 0},
    {SLICE_INIT("press@example.test"), SLICE_INIT("From: board@example.test\r\n"),
     IDENTITY_REVERSE_PATH_FOREIGN,                                                                                     0},
    {SLICE_INIT("board@example.test"), SLICE_INIT("From: alice@example.test\r\n"),
     IDENTITY_REVERSE_PATH_FOREIGN,                                                                                     0},
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: board@example.test\r\nSender: board@example.test\r\n"),
     IDENTITY_SENDER_FOREIGN,                                                                                           0},
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: alice@example.test\r\nSender: board@example.test\r\n"),
     IDENTITY_SENDER_FOREIGN,                                                                                           0},
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT(
         "From: board@example.test\r\nSender: \"board@example.test\" <alice@example.test>\r\n"),
     IDENTITY_SENDER_UNCLEAR,                                                                                           0},
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: board@example.test\r\nResent-From: board@example.test\r\n"),
     IDENTITY_RESENT_FOREIGN,                                                                                           0},
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: board@example.test, press@example.test\r\n"),                             IDENTITY_FROM_SEVERAL, 0},
    {SLICE_INIT("alice@example.test"),
     SLICE_INIT("From: alice@example.test, board@example.test\r\n"),                             IDENTITY_FROM_SEVERAL, 0},
    {SLICE_INIT("alice@example.test"), SLICE_INIT("From: x:board@example.test;\r\n"),
     IDENTITY_FROM_GROUP,                                                                                               0},
    {SLICE_INIT("alice@example.test"), SLICE_INIT("From: BOARD@example.test\r\n"),
     IDENTITY_FROM_FOREIGN,                                                                                             0},
};

static void what_is_delegated_is_said_and_goes_no_further(void **unused)
{
    (void)unused;
    struct identity_answer answer;

    for (size_t i = 0; i < sizeof(delegations) / sizeof(delegations[0]); i++) {
        if (judge(delegations[i].reverse_path, delegations[i].header, false, false, &answer) !=
                delegations[i].verdict ||
            answer.delegation != delegations[i].delegation) {
            fail_msg("case %zu: verdict %d, delegation %zu: %s", i, (int)answer.verdict,
                     answer.delegation, answer.sentence);
        }
    }
    (void)judge(SLICE("alice@example.test"),
                SLICE("From: board@example.test\r\nSender: board@example.test\r\n"), false, false,
                &answer);
    assert_string_equal(answer.sentence, "The Sender field must be an address of your own, not one "
                                         "that you send for.");
}

/* Sender is added with the account's name, which a letter without SMTPUTF8 may not be able to say. */
static void sender_is_added_only_where_it_can_be_said(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    static const struct slice own[] = {SLICE_INIT("j\xc3\xb6rg@example.test"),
                                       SLICE_INIT("alice@example.test")};
    struct identity_account account = {
        .addresses = own, .n_addresses = 2, .delegated = delegated, .n_delegated = 2};
    struct slice added = SLICE("From: board@example.test\r\n");
    struct slice given = SLICE("From: board@example.test\r\nSender: alice@example.test\r\n");
    struct identity_answer answer;
    struct mail_header h;

    mail_header_read(added, &limits, false, &a, &h);
    assert_false(identity_judge(own[1], &h, false, &account, &a, &answer));
    assert_int_equal(answer.verdict, IDENTITY_SENDER_UNCLEAR);
    mail_header_read(added, &limits, true, &a, &h);
    assert_true(identity_judge(own[1], &h, true, &account, &a, &answer));
    mail_header_read(given, &limits, false, &a, &h);
    assert_true(identity_judge(own[1], &h, false, &account, &a, &answer));
}

/* A name longer than what is decoded could hide anything behind its cut. */
static void refuses_a_name_too_long_to_look_at(void **unused)
{
    (void)unused;
    OWN(buf) struct buf header = {.max = 65536};
    struct identity_answer answer;

    buf_add_text(&header, "From: =?utf-8?q?x?=");
    for (int i = 0; i < 1000; i++) {
        buf_add_text(&header, "\r\n =?utf-8?q?aaaaaaaaaa?=");
    }
    buf_add_text(&header, "\r\n <alice@example.test>\r\n");
    assert_int_equal(judge(SLICE("alice@example.test"), buf_slice(&header), false, false, &answer),
                     IDENTITY_FROM_UNCLEAR);
}

/* Each address in a name is compared with all that the account has: their number is bounded, however often one's own is written. */
static void refuses_a_name_of_too_many_addresses(void **unused)
{
    (void)unused;
    struct identity_answer answer;

    for (size_t n = 1; n <= 65; n += 32) {
        OWN(buf) struct buf header = {.max = 65536};
        buf_add_text(&header, "From: \"");
        for (size_t i = 0; i < n - 1; i++) {
            buf_add_text(&header, i % 16 ? "alice@example.test " : "alice@example.test\r\n ");
        }
        buf_add_text(&header, "x\" <alice@example.test>\r\n");
        assert_int_equal(
            judge(SLICE("alice@example.test"), buf_slice(&header), false, false, &answer),
            IDENTITY_PROVEN);
    }
    OWN(buf) struct buf header = {.max = 65536};
    buf_add_text(&header, "From: \"");
    for (size_t i = 0; i < 65; i++) {
        buf_add_text(&header, i % 16 ? "alice@example.test " : "alice@example.test\r\n ");
    }
    buf_add_text(&header, "x\" <alice@example.test>\r\n");
    assert_int_equal(judge(SLICE("alice@example.test"), buf_slice(&header), false, false, &answer),
                     IDENTITY_FROM_UNCLEAR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_clear_from_of_ours_is_proven),
        cmocka_unit_test(settings_widen_what_is_the_same),
        cmocka_unit_test(refusals_say_what_to_do),
        cmocka_unit_test(refuses_what_readers_see_differently),
        cmocka_unit_test(refuses_a_name_too_long_to_look_at),
        cmocka_unit_test(refuses_a_name_of_too_many_addresses),
        cmocka_unit_test(what_is_delegated_is_said_and_goes_no_further),
        cmocka_unit_test(sender_is_added_only_where_it_can_be_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
