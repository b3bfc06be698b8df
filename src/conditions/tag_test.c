#include "base/buf.h"

#include "conditions/tag.h"
#include "formats/mail/text.h"
#include "tests/test.h"

static void found_as_people_read(void **unused)
{
    static const struct {
        const char *text, *tag;
        bool found;
    } rows[] = {
        {"Re: [secure] Offer",               "[secure]",                   true },
        {"Offer [SECURE]",                   "[secure]",                   true },
        {"Offer [secured]",                  "[secure]",                   false},
        {"Offer (secure)",                   "[secure]",                   false},
        {"\xef\xbc\xbbsicher\xef\xbc\xbd x", "[SICHER]",                   true }, /* full width */
        {"[se\xe2\x80\x8b"
         "cure] x",                 "[secure]",                   true }, /* a zero-width space */
        {"[VERTRAULICH \xc3\x84]",           "[vertraulich \xc3\xa4]",     true },
        {"[vertraulich a\xcc\x88]",          "[vertraulich \xc3\xa4]",     true }, /* decomposed */
        {"[vertraulich a]",                  "[vertraulich \xc3\xa4]",     false}, /* an umlaut counts */
        {"[STRASSE]",
         "[stra\xc3\x9f"
         "e]",                                                             true },
        {"[\xce\x95\xce\x9c\xce\xa0]",       "[\xce\xb5\xce\xbc\xcf\x80]", true }, /* Greek */
        {"",                                 "[secure]",                   false},
        {"[secure]",                         "",                           false},
        {"[secure]",                         "\xe2\x80\x8b",               false}, /* folds to nothing */
        {"\xff[secure]\xff",                 "[secure]",                   true }, /* no UTF-8 around it */
        {"ofﬁce",                          "of",                         true },
        {"ofﬁce",                          "off",                        false}, /* not half a ligature */
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t at = 0;
        size_t len = 0;
        if (tag_find(slice_text(rows[i].text), slice_text(rows[i].tag), &at, &len) !=
            rows[i].found) {
            fail_msg("row %zu: %s in %s", i, rows[i].tag, rows[i].text);
        }
    }
}

static void taken_off(void **unused)
{
    static const struct {
        const char *value, *left;
    } rows[] = {
        {" [secure] Offer",                       " Offer"                           },
        {" Re: [Secure] Offer",                   " Re: Offer"                       },
        {" Offer [secure]",                       " Offer"                           },
        {" [secure]",                             ""                                 },
        {" [secure][SECURE] x",                   " x"                               },
        {" Offer",                                NULL                               },
        {" [sicher] Angebot \xc3\xa4",            " Angebot \xc3\xa4"                }, /* SMTPUTF8 */
        {" Re:\r\n [secure] Offer",               " Re: Offer"                       },
        {" =?utf-8?Q?[secure]_f=C3=BCr_Sie?=",    " =?utf-8?B?ZsO8ciBTaWU=?="        },
        {" =?utf-8?Q?[secure]?= plain",           " plain"                           },
        {" =?no-such-charset?Q?=FF?= [secure] x", NULL                               }, /* unreadable */
        {" =?utf-8?Q?a[secure]?=",                " a"                               },
        {" =?utf-8?[secure]Q?a?=",                " =?utf-8?B?PT91dGYtOD9RP2E/PQ==?="}, /* makes no encoded word */
    };
    static const struct slice tags[] = {SLICE_INIT("[secure]"), SLICE_INIT("[sicher]")};

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        OWN(arena) struct arena a = {.max = 1 << 22};
        struct slice value = slice_text(rows[i].value);
        struct slice left = tag_remove(value, tags, 2, &a);
        const char *wanted = rows[i].left ? rows[i].left : rows[i].value;
        if (!slice_equal(left, slice_text(wanted))) {
            fail_msg("row %zu: %.*s", i, SLICE_ARG(left));
        }
    }
}

/* What is encoded anew reads the same, in lines that are not too long. */
static void a_long_one_reads_the_same(void **unused)
{
    OWN(arena) struct arena a = {.max = 1 << 24};
    OWN(buf) struct buf value = {.max = 8000};
    OWN(buf) struct buf wanted = {.max = 8000};
    static const struct slice tag[] = {SLICE_INIT("[secure]")};
    (void)unused;

    buf_add_text(&value, " [secure]");
    for (int i = 0; i < 100; i++) {
        buf_printf(&value, "\r\n =?utf-8?Q?_%d_=E2=82=AC=C3=BC?=", i);
        buf_printf(&wanted, "%s%d \xe2\x82\xac\xc3\xbc", i ? " " : "", i);
    }
    struct slice left = tag_remove(buf_slice(&value), tag, 1, &a);
    struct slice text = slice_trim(mail_text_decode(left, &a));
    assert_true(slice_equal(text, buf_slice(&wanted)));
    for (struct slice rest = left; rest.len;) {
        assert_true(slice_cut(rest, '\n', &rest).len <= 76);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_as_people_read),
        cmocka_unit_test(taken_off),
        cmocka_unit_test(a_long_one_reads_the_same),
    };
    return cmocka_run_group_tests_name("conditions/tag", tests, NULL, NULL);
}
