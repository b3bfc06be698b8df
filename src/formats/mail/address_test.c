#include <stdio.h>

#include "formats/mail/address.h"
#include "tests/test.h"

/* The list in short: "local@domain(name)" joined by "; ". */
static void show(const struct mail_addresses *list, char *text, size_t size)
{
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < list->count && len < size; i++) {
        const struct mail_address *m = &list->items[i];
        len += (size_t)snprintf(text + len, size - len, "%s%.*s|%.*s|%.*s", i ? "; " : "",
                                SLICE_ARG(m->local), SLICE_ARG(m->domain), SLICE_ARG(m->name));
    }
}

static const struct {
    struct slice value;
    enum mail_address_flaw flaw;
    const char *shown;
} lists[] = {
  /* what mail programs write */
    {SLICE_INIT(" alice@x.test"),                                MAIL_ADDRESS_CLEAR,     "alice|x.test|"           },
    {SLICE_INIT(" <alice@x.test>"),                              MAIL_ADDRESS_CLEAR,     "alice|x.test|"           },
    {SLICE_INIT(" Alice B. Carol <alice@x.test>"),               MAIL_ADDRESS_CLEAR,
     "alice|x.test|Alice B. Carol"                                                                                 },
    {SLICE_INIT(" \"Carol, Alice\" <a.c+tag@x.test>, b@y.test"), MAIL_ADDRESS_CLEAR,
     "a.c+tag|x.test|Carol, Alice; b|y.test|"                                                                      },
    {SLICE_INIT(" alice@x.test (Alice (B) Carol)"),              MAIL_ADDRESS_CLEAR,
     "alice|x.test|Alice (B) Carol"                                                                                },
    {SLICE_INIT(" =?utf-8?q?J=C3=BCrgen?=\r\n <j@x.test>"),      MAIL_ADDRESS_CLEAR,
     "j|x.test|J\xc3\xbcrgen"                                                                                      },
    {SLICE_INIT(" \"=?utf-8?q?J=C3=BCrgen?=\" <j@x.test>"),      MAIL_ADDRESS_CLEAR,
     "j|x.test|J\xc3\xbcrgen"                                                                                      },
    {SLICE_INIT(" \"a\\\"b\"\r\n\tc <j@[192.0.2.1]>"),           MAIL_ADDRESS_CLEAR,     "j|[192.0.2.1]|a\"b c"    },
    {SLICE_INIT(" \"a@b c\"@x.test"),                            MAIL_ADDRESS_CLEAR,     "a@b c|x.test|"           },
    {SLICE_INIT(" \"ceo@x.test\" <alice@x.test>"),               MAIL_ADDRESS_CLEAR,     "alice|x.test|ceo@x.test" },
    {SLICE_INIT(""),                                             MAIL_ADDRESS_CLEAR,     ""                        },
    {SLICE_INIT(" (nobody)"),                                    MAIL_ADDRESS_CLEAR,     ""                        },
 /* not an address */
    {SLICE_INIT(" alice"),                                       MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" @x.test"),                                     MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" alice@"),                                      MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" <>"),                                          MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" <alice@x.test"),                               MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" <alice@x.test>>"),                             MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" a..b@x.test"),                                 MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" .a@x.test"),                                   MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" a.@x.test"),                                   MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" a@x..test"),                                   MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" a@x.test."),                                   MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" a@-x.test"),                                   MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" a@x_y.test"),                                  MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" a@b@x.test"),                                  MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" a@x.test <b@x.test>"),                         MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" <a@x.test> <b@x.test>"),                       MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" <a@x.test> b"),                                MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" a@x.test b@x.test"),                           MAIL_ADDRESS_OBSOLETE,  ""                        },
    {SLICE_INIT(" a@x.test; b@x.test"),                          MAIL_ADDRESS_MALFORMED, "a|x.test|"               },
    {SLICE_INIT(" \"open <a@x.test>"),                           MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" (open <a@x.test>"),                            MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" a\001@x.test"),                                MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" a@x.test\0"),                                  MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" \"a\001\" <a@x.test>"),                        MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" Alice[1] <a@x.test>"),                         MAIL_ADDRESS_MALFORMED, ""                        },
    {SLICE_INIT(" mailto:a@x.test"),                             MAIL_ADDRESS_MALFORMED, "a|x.test|"               },
 /* what parsers disagree on */
    {SLICE_INIT(" <@a.test,@b.test:c@d.test>"),                  MAIL_ADDRESS_OBSOLETE,  ""                        },
    {SLICE_INIT(" a@x.test,"),                                   MAIL_ADDRESS_OBSOLETE,  "a|x.test|"               },
    {SLICE_INIT(" ,a@x.test"),                                   MAIL_ADDRESS_OBSOLETE,  "a|x.test|"               },
    {SLICE_INIT(" a@x.test,,b@x.test"),                          MAIL_ADDRESS_OBSOLETE,  "a|x.test|; b|x.test|"    },
    {SLICE_INIT(" a @x.test"),                                   MAIL_ADDRESS_OBSOLETE,  ""                        },
    {SLICE_INIT(" a@ x.test"),                                   MAIL_ADDRESS_OBSOLETE,  ""                        },
    {SLICE_INIT(" a@x .test"),                                   MAIL_ADDRESS_OBSOLETE,  ""                        },
    {SLICE_INIT(" a .b@x.test"),                                 MAIL_ADDRESS_OBSOLETE,  ""                        },
    {SLICE_INIT(" a(c)@x.test"),                                 MAIL_ADDRESS_OBSOLETE,  ""                        },
    {SLICE_INIT(" a@(c)x.test"),                                 MAIL_ADDRESS_OBSOLETE,  ""                        },
    {SLICE_INIT(" < a@x.test>"),                                 MAIL_ADDRESS_OBSOLETE,  ""                        },
    {SLICE_INIT(" <a@x.test >"),                                 MAIL_ADDRESS_OBSOLETE,  ""                        },
    {SLICE_INIT(" a.\"b\"@x.test"),                              MAIL_ADDRESS_OBSOLETE,  ""                        },
    {SLICE_INIT(" \"a\r\n b\"@x.test"),                          MAIL_ADDRESS_OBSOLETE,  ""                        },
    {SLICE_INIT(" \"\"@x.test"),                                 MAIL_ADDRESS_OBSOLETE,  ""                        },
    {SLICE_INIT(" a@[1\\2]"),                                    MAIL_ADDRESS_OBSOLETE,  ""                        },
    {SLICE_INIT(" =?utf-8?q?ceo=40x.test?=@y.test"),             MAIL_ADDRESS_ENCODED,   ""                        },
    {SLICE_INIT(" <=?utf-8?q?ceo=40x.test?=>"),                  MAIL_ADDRESS_ENCODED,   ""                        },
    {SLICE_INIT(" =?utf-8?q?ceo=40x.test?="),                    MAIL_ADDRESS_ENCODED,   ""                        },
    {SLICE_INIT(" \"=?utf-8?q?ceo?=\"@y.test"),                  MAIL_ADDRESS_ENCODED,   ""                        },
    {SLICE_INIT(" a@=?utf-8?q?x?="),                             MAIL_ADDRESS_ENCODED,   ""                        },
    {SLICE_INIT(" a@x.test (<ceo@x.test>)"),                     MAIL_ADDRESS_CONFUSING, "a|x.test|<ceo@x.test>"   },
    {SLICE_INIT(" \"<ceo@x.test>\" <a@x.test>"),                 MAIL_ADDRESS_CONFUSING, "a|x.test|<ceo@x.test>"   },
    {SLICE_INIT(" =?utf-8?q?=3Cceo=40x.test=3E?= <a@x.test>"),   MAIL_ADDRESS_CONFUSING,
     "a|x.test|<ceo@x.test>"                                                                                       },
    {SLICE_INIT(" =?utf-8?q?ceo=00?= <a@x.test>"),               MAIL_ADDRESS_CONFUSING, "a|x.test|ceo"            },
    {SLICE_INIT(" =?utf-8?q?a?b?= <a@x.test>"),                  MAIL_ADDRESS_CONFUSING, "a|x.test|=?utf-8?q?a?b?="},
    {SLICE_INIT(" a@x.test (=?utf-8?q?=3Cb=40x=3E?=)"),          MAIL_ADDRESS_CONFUSING, "a|x.test|<b@x>"          },
    {SLICE_INIT(" a\xc3\xa4@x.test"),                            MAIL_ADDRESS_EIGHT_BIT, "a\xc3\xa4|x.test|"       },
};

static void lists_are_read_strictly(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct mail_addresses list;
    char shown[500];

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        mail_addresses_read(lists[i].value, false, &a, &list);
        show(&list, shown, sizeof(shown));
        if (list.flaw != lists[i].flaw || strcmp(shown, lists[i].shown) != 0) {
            fail_msg("%.*s: flaw %d, \"%s\"", SLICE_ARG(lists[i].value), (int)list.flaw, shown);
        }
        arena_reset(&a);
    }
}

static void groups_are_reported(void **unused)
{
    (void)unused;

    static const struct {
        struct slice value;
        enum mail_address_flaw flaw;
        const char *shown;
    } cases[] = {
        {SLICE_INIT(" undisclosed-recipients:;"),        MAIL_ADDRESS_CLEAR,     ""                    },
        {SLICE_INIT(" A Group:a@x.test, B <b@x.test>;"), MAIL_ADDRESS_CLEAR,
         "a|x.test|; b|x.test|B"                                                                       },
        {SLICE_INIT(" g: a@x.test ;, c@x.test"),         MAIL_ADDRESS_CLEAR,     "a|x.test|; c|x.test|"},
        {SLICE_INIT(" g:h:a@x.test;;"),                  MAIL_ADDRESS_MALFORMED, ""                    },
        {SLICE_INIT(" g:a@x.test; b@x.test"),            MAIL_ADDRESS_MALFORMED, "a|x.test|"           },
        {SLICE_INIT(" g:,a@x.test;"),                    MAIL_ADDRESS_OBSOLETE,  "a|x.test|"           },
    };
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct mail_addresses list;
    char shown[500];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mail_addresses_read(cases[i].value, false, &a, &list);
        show(&list, shown, sizeof(shown));
        assert_true(list.groups);
        assert_string_equal(shown, cases[i].shown);
        assert_int_equal(list.flaw, cases[i].flaw);
    }
}

static void utf8_needs_its_announcement(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct mail_addresses list;

    mail_addresses_read(SLICE(" J\xc3\xbcrgen <j\xc3\xbc@b\xc3\xbc.test>"), true, &a, &list);
    assert_int_equal(list.flaw, MAIL_ADDRESS_CLEAR);
    assert_slice(list.items[0].local, "j\xc3\xbc");
    assert_slice(list.items[0].name, "J\xc3\xbcrgen");
    mail_addresses_read(SLICE(" J\xfcrgen <j@x.test>"), true, &a, &list);
    assert_int_equal(list.flaw, MAIL_ADDRESS_EIGHT_BIT);
}

static void lengths_and_depths_are_bounded(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 8 << 20};
    OWN(buf) struct buf text = {.max = 100000};
    struct mail_addresses list;

    buf_printf(&text, "%065d@x.test", 0);
    mail_addresses_read(buf_slice(&text), false, &a, &list);
    assert_int_equal(list.flaw, MAIL_ADDRESS_LONG);
    mail_addresses_read(slice_from(buf_slice(&text), 1), false, &a, &list);
    assert_int_equal(list.flaw, MAIL_ADDRESS_CLEAR);

    buf_reset(&text);
    for (int i = 0; i < MAIL_COMMENT_DEPTH + 1; i++) {
        buf_add_text(&text, "(");
    }
    for (int i = 0; i < MAIL_COMMENT_DEPTH + 1; i++) {
        buf_add_text(&text, ")");
    }
    buf_add_text(&text, "a@x.test");
    mail_addresses_read(buf_slice(&text), false, &a, &list);
    assert_int_equal(list.flaw, MAIL_ADDRESS_MALFORMED);
    struct slice shallower = slice_of(text.ptr + 1, text.len - 1);
    text.ptr[2 * MAIL_COMMENT_DEPTH + 1] = ' ';
    mail_addresses_read(shallower, false, &a, &list);
    assert_int_equal(list.flaw, MAIL_ADDRESS_CLEAR);

    buf_reset(&text);
    for (int i = 0; i < MAIL_ADDRESSES_MAX + 1; i++) {
        buf_add_text(&text, i ? ",a@b" : "a@b");
    }
    mail_addresses_read(buf_slice(&text), false, &a, &list);
    assert_int_equal(list.flaw, MAIL_ADDRESS_MANY);
    assert_int_equal(list.count, MAIL_ADDRESSES_MAX);
}

static void bare_addresses_stand_alone(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct mail_address one;
    struct mail_address two;

    assert_int_equal(mail_address_read(SLICE("Alice@X.test"), false, &a, &one), MAIL_ADDRESS_CLEAR);
    assert_int_equal(mail_address_read(SLICE("Alice@x.TEST"), false, &a, &two), MAIL_ADDRESS_CLEAR);
    assert_true(mail_address_same(&one, &two, false));
    assert_int_equal(mail_address_read(SLICE("alice@x.test"), false, &a, &two), MAIL_ADDRESS_CLEAR);
    assert_false(mail_address_same(&one, &two, false));
    assert_true(mail_address_same(&one, &two, true));
    assert_int_equal(mail_address_read(SLICE("\"Alice\"@x.test"), false, &a, &two),
                     MAIL_ADDRESS_CLEAR);
    assert_true(mail_address_same(&one, &two, false));
    assert_slice(mail_address_text(&two, &a), "Alice@x.test");
    assert_int_equal(mail_address_read(SLICE("\"a\\\"@ b\"@x.test"), false, &a, &one),
                     MAIL_ADDRESS_CLEAR);
    assert_slice(one.local, "a\"@ b");
    assert_slice(mail_address_text(&one, &a), "\"a\\\"@ b\"@x.test");
    assert_int_equal(mail_address_read(SLICE("a b@x.test"), false, &a, &two),
                     MAIL_ADDRESS_MALFORMED);
    assert_int_equal(mail_address_read(SLICE("<a@x.test>"), false, &a, &two),
                     MAIL_ADDRESS_MALFORMED);
    assert_int_equal(mail_address_read(SLICE("a"), false, &a, &two), MAIL_ADDRESS_MALFORMED);
    assert_int_equal(mail_address_read(SLICE(""), false, &a, &two), MAIL_ADDRESS_MALFORMED);
}

/* Reading stays linear: an unclosed comment costs a search for its end, so only a few are looked
 * for. What is listed before them stays. */
static void gives_up_on_a_field_of_unclosed_comments(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(buf) struct buf value = {.max = 1 << 20};
    struct mail_addresses list;

    buf_add_text(&value, "a@x.test, ");
    for (int i = 0; i < 100000; i++) {
        buf_add_text(&value, "\\(");
    }
    mail_addresses_read(buf_slice(&value), false, &arena, &list);
    assert_int_equal(list.flaw, MAIL_ADDRESS_MALFORMED);
    assert_int_equal(list.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read_strictly),
        cmocka_unit_test(groups_are_reported),
        cmocka_unit_test(utf8_needs_its_announcement),
        cmocka_unit_test(lengths_and_depths_are_bounded),
        cmocka_unit_test(gives_up_on_a_field_of_unclosed_comments),
        cmocka_unit_test(bare_addresses_stand_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
