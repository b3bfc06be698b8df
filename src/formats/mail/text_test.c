#include "base/buf.h"

#include "formats/mail/date.h"
#include "formats/mail/text.h"
#include "tests/test.h"

static void encoded_words_are_decoded(void **unused)
{
    (void)unused;

    static const struct {
        struct slice value;
        const char *text;
    } cases[] = {
        {SLICE_INIT(" plain text "),                                 "plain text"                                      },
        {SLICE_INIT(" folded\r\n\ttext"),                            "folded text"                                     },
        {SLICE_INIT("=?US-ASCII?Q?a_b=3D?="),                        "a b="                                            },
 /* RFC 2047 section 8 */
        {SLICE_INIT("=?ISO-8859-1?Q?a?= b"),                         "a b"                                             },
        {SLICE_INIT("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?="),        "ab"                                              },
        {SLICE_INIT("=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?="), "ab"                                              },
        {SLICE_INIT("=?ISO-8859-1?Q?a_?= =?ISO-8859-1?Q?b?="),       "a b"                                             },
        {SLICE_INIT("=?utf-8*de?B?R3LDvMOfZQ==?="),                  "Gr\xc3\xbc\xc3\x9f"
                                                    "e"             },
 /* one character in two words */
        {SLICE_INIT("=?utf-8?q?=C3?= =?UTF-8?b?vA==?="),             "\xc3\xbc"                                        },
        {SLICE_INIT("=?windows-1252?q?=80=81?="),                    "\xe2\x82\xac\xef\xbf\xbd"                        },
        {SLICE_INIT("=?koi8-r?b?8NLJ18XU?="),                        "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"},
        {SLICE_INIT("=?iso-2022-jp?b?GyRCRnxLXBsoQg==?="),           "\xe6\x97\xa5\xe6\x9c\xac"                        },
        {SLICE_INIT("=?gb2312?b?1tA=?="),                            "\xe4\xb8\xad"                                    },
        {SLICE_INIT("=?shift_jis?b?k/o=?="),                         "\xe6\x97\xa5"                                    },
        {SLICE_INIT("=?shift_jis?b?kw==?="),                         "\xef\xbf\xbd"                                    },
        {SLICE_INIT("=?x-none?q?a=FF?="),                            "a\xef\xbf\xbd"                                   },
        {SLICE_INIT("=?ISO-2022-CN-EXT?q?a=FF?="),                   "a\xef\xbf\xbd"                                   },
 /* no encoded words */
        {SLICE_INIT("=?utf-8?x?a?="),                                "=?utf-8?x?a?="                                   },
        {SLICE_INIT("=?utf-8?q?a"),                                  "=?utf-8?q?a"                                     },
        {SLICE_INIT("=??q?a?="),                                     "=??q?a?="                                        },
        {SLICE_INIT("a=?b"),                                         "a=?b"                                            },
 /* never control characters, never anything but UTF-8 */
        {SLICE_INIT("=?utf-8?q?a=00=0D=0Ab=7F=C2=85c?="),            "a b  c"                                          },
        {SLICE_INIT("raw \xe4\xc3\xa4"),                             "raw \xef\xbf\xbd\xc3\xa4"                        },
        {SLICE_INIT("a\033[31mb"),                                   "a [31mb"                                         },
        {SLICE_INIT("=?utf-8?q?=E?="),                               "=E"                                              },
    };
    OWN(arena) struct arena a = {.max = 1 << 20};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice got = mail_text_decode(cases[i].value, &a);
        if (!slice_equal(got, slice_text(cases[i].text))) {
            fail_msg("%.*s: \"%.*s\"", SLICE_ARG(cases[i].value), SLICE_ARG(got));
        }
    }
}

static void long_texts_end_with_a_whole_character(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(buf) struct buf text = {.max = 40000};

    for (int i = 0; i < 1000; i++) {
        buf_add_text(&text, "\xe2\x82\xac 123456"); /* ten bytes */
    }
    struct slice got = mail_text_decode(buf_slice(&text), &a);
    assert_int_equal(got.len, 8190); /* 819 times ten; the next character did not fit */
    assert_true(slice_is_utf8(got));
}

static void dates_are_written_and_read(void **unused)
{
    (void)unused;

    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"Tue, 24 Nov 2026 07:30:00 +0000",        1795505400000},
        {" 24 nov 2026 08:30 +0100 (CET)",         1795505400000},
        {"Tue,24 Nov 26 02:30:00 EST",             1795505400000},
        {"Mon, (what) 23 Nov 2026 23:30:00 -0800", 1795505400000},
        {"Thu, 1 Jan 1970 00:00:00 GMT",           0            },
        {"31 Dec 98 23:59:60 +0000",               915148799000 },
    };

    static const char *const bad[] = {"",
                                      "yesterday",
                                      "32 Nov 2026 07:30:00 +0000",
                                      "24 Nov 2026",
                                      "24 Nox 2026 07:30",
                                      "24 Nov 2026 24:30:00",
                                      "24 Nov 1 07:30"};
    char text[MAIL_DATE_MAX];
    int64_t ms = 7;

    mail_date_write(1795505400000, text);
    assert_string_equal(text, "Tue, 24 Nov 2026 07:30:00 +0000");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(mail_date_read(slice_text(cases[i].text), &ms));
        assert_true(ms == cases[i].ms);
    }
    ms = 7;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(mail_date_read(slice_text(bad[i]), &ms));
        assert_true(ms == 7);
    }
}

static void message_ids_use_all_bits(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    uint8_t random[MAIL_ID_RANDOM_LEN];

    (void)memset(random, 0xff, sizeof(random));
    assert_slice(mail_id_make(random, SLICE("mx.x.test"), &a),
                 "<zzzzzzzzzzzzzzzzzzzzzzzzz@mx.x.test>");
    (void)memset(random, 0, sizeof(random));
    random[0] = 0x08;
    random[MAIL_ID_RANDOM_LEN - 1] = 0x08;
    assert_slice(mail_id_make(random, SLICE("mx.x.test"), &a),
                 "<1000000000000000000000001@mx.x.test>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoded_words_are_decoded),
        cmocka_unit_test(long_texts_end_with_a_whole_character),
        cmocka_unit_test(dates_are_written_and_read),
        cmocka_unit_test(message_ids_use_all_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
