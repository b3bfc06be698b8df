#include "formats/scrub/scrub_test.h"
#include "tests/test.h"

static void expect(const char *file, const char *said, const char *made)
{
    assert_int_equal(scrub(slice_text(file)), made ? SCRUB_CLEANED : SCRUB_CANNOT);
    assert_slice(buf_slice(&what), said);
    if (made) {
        OWN(buf) struct buf once = {.max = OUT_MAX};
        assert_slice(buf_slice(&out), made);
        buf_add(&once, buf_slice(&out));
        assert_int_equal(scrub(buf_slice(&once)), SCRUB_NOTHING);
    }
}

static void a_text_forgets_who_wrote_it(void **unused)
{
    (void)unused;
    expect("{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}{\\*\\generator Lenz 1;}{\\info{\\author Anna "
           "Lenz}{\\title x\\'7d}}{\\*\\userprops {\\propname a}}\r\nwords \\{\\b bold\\b0}\r\n",
           "data of programs, document properties",
           "{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}\r\nwords \\{\\b bold\\b0}");
    assert_int_equal(scrub(SLICE("{\\rtf1 the info {\\b info}\\par}\0")), SCRUB_NOTHING);
}

/* A word takes what stands behind it for its own, when what stood between them goes. */
static void words_do_not_run_together(void **unused)
{
    (void)unused;
    expect("{\\rtf1{\\b\\insrsid77 one}{\\b\\insrsid77\\i two}\\fs20\\charrsid5 3{\\*\\atnid L}4 "
           "super{\\*\\atnid L}cali\\par{\\*\\atnid L} x}",
           "revision marks, comments", "{\\rtf1{\\b one}{\\b\\i two}\\fs20 34 supercali\\par  x}");
    expect("{\\rtf1 {\\chatn}{\\*\\annotation{\\*\\atnref 1}words}text{\\*\\revtbl{Anna;}}}",
           "comments, names of users", "{\\rtf1 {\\chatn}text}");
}

static void changes_are_accepted(void **unused)
{
    static const char refused[] = "it holds changes that cannot be accepted";

    (void)unused;
    expect("{\\rtf1 costs {\\deleted\\revauthdel1\\revdttmdel7 90{\\i !}}{\\revised\\revauth1 "
           "100} EUR{\\mvf gone}{\\*\\oldcprops\\b}}",
           "tracked changes", "{\\rtf1 costs {100} EUR}");
    expect("{\\rtf1 {x\\deleted y}}", refused, NULL);
    expect("{\\rtf1 \\deleted y}", refused, NULL);
    expect("{\\rtf1 {\\deleted y\\cell}}", refused, NULL);
    assert_int_equal(scrub(SLICE("{\\rtf1 {x\\deleted0 y}}")), SCRUB_NOTHING);
}

#define SAYS   "ffd8fffe000b416e6e61204c656e7affda00040102ffd9" /* a comment, "Anna Lenz" */
#define SILENT "ffd8ffda00040102ffd9"

static void pictures_within_are_cleaned(void **unused)
{
    static const char refused[] = "it holds a picture that cannot be changed";

    (void)unused;
    expect("{\\rtf1{\\pict\\picw9\\jpegblip{\\*\\blipuid 00ff}\r\n" SAYS "}}", "data of pictures",
           "{\\rtf1{\\pict\\picw9\\jpegblip{\\*\\blipuid 00ff}\n" SILENT "}}");
    assert_int_equal(scrub(SLICE("{\\rtf1{\\pict\\jpegblip FFD8FFDA00 040102\nFFD9}}")),
                     SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE("{\\rtf1{\\pict\\wmetafile8 " SAYS "}}")), SCRUB_NOTHING);
    expect("{\\rtf1{\\pict\\jpegblip ffd8fffe}}", refused, NULL);
    expect("{\\rtf1{\\pict\\jpegblip zz}}", refused, NULL);
    expect("{\\rtf1{\\pict\\jpegblip fff}}", refused, NULL);
    assert_int_equal(scrub(SLICE("{\\rtf1{\\pict\\jpegblip\\bin23 \xff\xd8\xff\xfe\0\x0b"
                                 "Anna Lenz\xff\xda\0\4\1\2\xff\xd9}{\\info\\bin1 }}}")),
                     SCRUB_CLEANED);
    assert_true(
        slice_equal(buf_slice(&out),
                    SLICE("{\\rtf1{\\pict\\jpegblip\\bin10 \xff\xd8\xff\xda\0\4\1\2\xff\xd9}}")));
}

static void what_is_no_whole_text_stays(void **unused)
{
    static const char *const files[] = {
        "{\\rtf1{\\info Lenz}", "{\\rtf1{\\info Lenz}}{more}", "{\\rtf1{\\info Lenz",
        "{\\rtf1\\bin9 x}",     "{\\rtf1\\bin-1 x}",           "{\\rtf1\\",
        "{\\rtf1{\\info\\'",
    };
    OWN(buf) struct buf deep = {.max = OUT_MAX};

    (void)unused;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        expect(files[i], "it is damaged", NULL);
    }
    buf_add_text(&deep, "{\\rtf1");
    for (size_t i = 0; i < 600; i++) {
        buf_add_text(&deep, "{");
    }
    assert_int_equal(scrub(buf_slice(&deep)), SCRUB_CANNOT);
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
        cmocka_unit_test(a_text_forgets_who_wrote_it),
        cmocka_unit_test(words_do_not_run_together),
        cmocka_unit_test(changes_are_accepted),
        cmocka_unit_test(pictures_within_are_cleaned),
        cmocka_unit_test(what_is_no_whole_text_stays),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
