#include "formats/scrub/scrub_test.h"
#include "tests/test.h"

#define PSD_HEAD(version) "8BPS\0" version "\0\0\0\0\0\0\0\3\0\0\0\1\0\0\0\1\0\x08\0\3\0\0\0\2co"
#define PSD_KEPT                                                                                   \
    "8BIM\3\xed\0\0\0\0\0\3res\0"                                                                  \
    "8BIM\4\x0f\1n\0\0\0\3icc\0"
#define PSD_GOES                                                                                   \
    "8BIM\4\x04\0\0\0\0\0\4Lenz"                                                                   \
    "8BIM\4\x22\4Lenz\0\0\0\0\5Lenz1\0"                                                            \
    "8BIM\4\x24\0\0\0\0\0\4Lenz"                                                                   \
    "8BIM\4\x0c\0\0\0\0\0\4Lenz"                                                                   \
    "MeSa\x0f\xa0\0\0\0\0\0\4Lenz"

static void a_picture_of_photoshop_keeps_its_layers(void **unused)
{
    (void)unused;
    assert_int_equal(scrub(SLICE(PSD_HEAD("\1") "\0\0\0\x76" PSD_KEPT PSD_GOES "\0\0\0\3layPIX")),
                     SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "IPTC, EXIF, XMP, previews, data of programs");
    assert_true(
        slice_equal(buf_slice(&out), SLICE(PSD_HEAD("\1") "\0\0\0\x20" PSD_KEPT "\0\0\0\3layPIX")));
    assert_int_equal(scrub(SLICE(PSD_HEAD("\2") "\0\0\0\x0f"
                                                "8BIM\4\x24\0\0\0\0\0\3xmp"
                                                "\0\0\0\0\0\0\0\3layPIX")),
                     SCRUB_CLEANED); /* PSB; the last has no padding */
    assert_true(
        slice_equal(buf_slice(&out), SLICE(PSD_HEAD("\2") "\0\0\0\0\0\0\0\0\0\0\0\3layPIX")));
    assert_int_equal(scrub(SLICE(PSD_HEAD("\1") "\0\0\0\x20" PSD_KEPT "\0\0\0\3layPIX")),
                     SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE(PSD_HEAD("\1") "\0\0\0\0\0\0\0\x08"
                                                "8BIMlnkEPIX")),
                     SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it holds other files or notes, which are not changed");
    assert_int_equal(scrub(SLICE(PSD_HEAD("\1") "\0\0\0\x0d"
                                                "8BIM\4\x24\0\0\0\0\0\3x"
                                                "\0\0\0\3layPIX")),
                     SCRUB_CANNOT);
    assert_int_equal(scrub(SLICE(PSD_HEAD("\1") "\0\0\0\xff" PSD_KEPT)), SCRUB_CANNOT);
    assert_int_equal(scrub(SLICE("8BPS\0\3")), SCRUB_CANNOT);
}

#define PSD_VERSION(len, names) "8BIM\4\x21\0\0\0\0\0" len "\0\0\0\1\1" names "\0\0\0\1\0"

/* Without it the picture as a whole is not shown. */
static void a_picture_of_photoshop_keeps_that_it_is_whole(void **unused)
{
#define PSD_SILENT                                                                                 \
    PSD_HEAD("\1") "\0\0\0\x1e" PSD_VERSION("\x11", "\0\0\0\0\0\0\0\0") "\0\0\0\3layPIX"
    (void)unused;
    assert_int_equal(scrub(SLICE(PSD_HEAD("\1") "\0\0\0\x22" PSD_VERSION(
                         "\x15", "\0\0\0\1\0L\0\0\0\1\0Z") "\0\0\0\3layPIX")),
                     SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "data of programs");
    assert_true(slice_equal(buf_slice(&out), SLICE(PSD_SILENT)));
    assert_int_equal(scrub(SLICE(PSD_SILENT)), SCRUB_NOTHING);
}

static int end(void **unused)
{
    (void)unused;
    buf_done(&out);
    buf_done(&what);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_of_photoshop_keeps_its_layers),
        cmocka_unit_test(a_picture_of_photoshop_keeps_that_it_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
