#include "cli/export_text.h"
#include "tests/test.h"

#define WRITES(call, expected)                                                                     \
    do {                                                                                           \
        OWN(buf) struct buf out = {.max = 1000};                                                   \
        call;                                                                                      \
        assert_slice(buf_slice(&out), expected);                                                   \
    } while (0)

static void csv_holds_no_formula(void **unused)
{
    (void)unused;
    WRITES(export_csv(&out, SLICE("plain")), "\"plain\"");
    WRITES(export_csv(&out, SLICE("=HYPERLINK(\"x\")")), "\"'=HYPERLINK(\"\"x\"\")\"");
    WRITES(export_csv(&out, SLICE("+1")), "\"'+1\"");
    WRITES(export_csv(&out, SLICE("-1")), "\"'-1\"");
    WRITES(export_csv(&out, SLICE("@SUM")), "\"'@SUM\"");
    WRITES(export_csv(&out, SLICE("\t=1")), "\"'\t=1\"");
    WRITES(export_csv(&out, SLICE(" =1")), "\"' =1\"");
    WRITES(export_csv(&out, SLICE("a\r\n=1")), "\"a  =1\"");
    WRITES(export_csv(&out, SLICE_NONE), "\"\"");
}

static void dat_fields_end_where_they_should(void **unused)
{
    (void)unused;
    WRITES(export_dat(&out, SLICE("a"), true), "\xc3\xbe"
                                               "a\xc3\xbe");
    WRITES(export_dat(&out, SLICE("\xc3\xbe\x14x\ny\r"), false), "\x14\xc3\xbe"
                                                                 "thx\xc2\xaey\xc3\xbe");
}

static void xml_stays_xml(void **unused)
{
    (void)unused;
    WRITES(export_xml(&out, SLICE("<a b=\"c\">&\n")), "&lt;a b=&quot;c&quot;&gt;&amp;&#10;");
    WRITES(export_xml(&out, SLICE("\x01\xef\xbf\xbfz")), "\xef\xbf\xbd\xef\xbf\xbdz");
    WRITES(export_xml(&out, SLICE("\xff")), "\xef\xbf\xbd");
}

static void mbox_lines_are_protected(void **unused)
{
    (void)unused;
    WRITES(export_mbox(&out, SLICE("A: 1\r\n\r\nFrom x\r\n>From y\r\n> From z\r\nend")),
           "A: 1\n\n>From x\n>>From y\n> From z\nend\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_holds_no_formula),
        cmocka_unit_test(dat_fields_end_where_they_should),
        cmocka_unit_test(xml_stays_xml),
        cmocka_unit_test(mbox_lines_are_protected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
