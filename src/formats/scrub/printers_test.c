#include "formats/scrub/printers.h"
#include "tests/test.h"

#define NAME  "\\\\HOST\\LENZ....................................................."
#define HEAD  "\1\4\0\6\x50\0"
#define PAPER "paper##!"

static struct buf out = {.max = 4096};

static void clean(struct slice part)
{
    buf_reset(&out);
    printer_clean(part, &out);
}

static void a_printer_has_no_name(void **unused)
{
    uint8_t none[64] = {0};

    (void)unused;
    assert_int_equal(sizeof(NAME) - 1, 64);
    clean(SLICE(NAME HEAD "\4\0" PAPER "Lenz"));
    assert_int_equal(out.len, 80);
    assert_true(slice_starts(buf_slice(&out), SLICE_ARRAY(none)));
    assert_slice(slice_from(buf_slice(&out), 72), PAPER);
    assert_int_equal(out.ptr[70] | out.ptr[71], 0);
    OWN(buf) struct buf once = {.max = 4096};
    buf_add(&once, buf_slice(&out));
    clean(buf_slice(&once));
    assert_true(slice_equal(buf_slice(&once), buf_slice(&out)));
    clean(SLICE("<?xml version=\"1.0\"?><plist>Lenz</plist>"));
    assert_null(memmem(out.ptr, out.len, "Lenz", 4));
    assert_true(slice_starts(buf_slice(&out), SLICE("<?xml")));
}

static void settings_that_are_none_go(void **unused)
{
    (void)unused;
    clean(SLICE("Lenz"));
    assert_int_equal(out.len, 0);
    clean(SLICE(NAME HEAD "\4\0" PAPER));
    assert_int_equal(out.len, 80);
    clean(SLICE(NAME "\1\4\0\6\xff\0\4\0" PAPER));
    assert_int_equal(out.len, 0);
    clean(SLICE(NAME "\1\4\0\6\1\0\4\0" PAPER));
    assert_int_equal(out.len, 0);
    assert_true(printer_is_settings(SLICE("xl/printerSettings/printerSettings1.bin")));
    assert_false(printer_is_settings(SLICE("xl/worksheets/sheet1.xml")));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_printer_has_no_name),
        cmocka_unit_test(settings_that_are_none_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
