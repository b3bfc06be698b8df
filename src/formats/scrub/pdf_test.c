#include <qpdf/qpdf-c.h>

#include "formats/scrub/scrub_test.h"
#include "tests/test.h"

#define SOI  "\xff\xd8"
#define JFIF "\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
#define EXIF                                                                                       \
    "\xff\xe1\0\x2a"                                                                               \
    "Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0Camera7\0"
#define SOUND "\xff\xfe\0\x0b\x41nna Lenz"
#define SCAN  "\xff\xda\0\4\1\2picture\xff\0more\xff\xd0rest"
#define EOI   "\xff\xd9"

#define PDF_HEAD                                                                                   \
    "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"                                   \
    "2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n"                                       \
    "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>\nendobj\n"                           \
    "4 0 obj\n<</Author(Anna Lenz)>>\nendobj\n"
#define PDF_TAIL                                                                                   \
    "xref\n0 5\n0000000000 65535 f \n0000000009 00000 n \n0000000054 00000 n \n"                   \
    "0000000105 00000 n \n0000000168 00000 n \ntrailer\n<</Size 5/Root 1 0 R/Info 4 0 R>>\n"       \
    "startxref\n206\n%%EOF\n"

static void a_pdf_document_says_no_author(void **unused)
{
    (void)unused;
    assert_int_equal(scrub(SLICE(PDF_HEAD PDF_TAIL)), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "document information");
    assert_false(has("Lenz"));
    assert_true(has("/MediaBox"));
    assert_int_equal(scrub(SLICE(PDF_HEAD PDF_TAIL "%/ByteRange\n")), SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it is signed");
    assert_int_equal(scrub(SLICE("plain words")), SCRUB_NOTHING);
}

/* A document of these objects, which are numbered from 1; the first is its catalog. */
static void write_pdf(const struct slice *objects, size_t n, struct buf *pdf)
{
    size_t at[16] = {0};

    buf_add_text(pdf, "%PDF-1.4\n");
    for (size_t i = 0; i < n; i++) {
        at[i] = pdf->len;
        buf_printf(pdf, "%zu 0 obj\n", i + 1);
        buf_add(pdf, objects[i]);
        buf_add_text(pdf, "\nendobj\n");
    }
    size_t xref = pdf->len;
    buf_printf(pdf, "xref\n0 %zu\n0000000000 65535 f \n", n + 1);
    for (size_t i = 0; i < n; i++) {
        buf_printf(pdf, "%010zu 00000 n \n", at[i]);
    }
    buf_printf(pdf, "trailer\n<</Size %zu/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n", n + 1, xref);
}

#define CATALOG "<</Type/Catalog/Pages 2 0 R>>"
#define PAGES   "<</Type/Pages/Kids[3 0 R]/Count 1>>"
#define PAGE                                                                                       \
    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/PieceInfo<</Draw<</Private(Lenz 1)>>>>"         \
    "/Resources<</XObject<</Metadata 4 0 R>>>>>>"
#define IMAGE(filter, length)                                                                      \
    "<</Type/XObject/Subtype/Image/Width 1/Height 1/Metadata 5 0 R" filter "/Length " length       \
    ">>stream\n"
#define PDF_XMP "<</Type/Metadata/Subtype/XML/Length 6>>stream\nLenz 2\nendstream"

/* The same document with its objects in packed streams, as most programs write it today. */
static void pack_objects(struct buf *pdf)
{
    qpdf_data q = qpdf_init();

    assert_int_equal(qpdf_read_memory(q, "it", (const char *)pdf->ptr, pdf->len, NULL), 0);
    assert_int_equal(qpdf_init_write_memory(q), 0);
    qpdf_set_object_stream_mode(q, qpdf_o_generate);
    assert_int_equal(qpdf_write(q), 0);
    buf_reset(pdf);
    buf_add(pdf, slice_of(qpdf_get_buffer(q), qpdf_get_buffer_length(q)));
    qpdf_cleanup(&q);
}

/* Its words may be packed, or written in other letters: nothing is changed then that is signed. */
static void a_signature_is_seen_wherever_it_stands(void **unused)
{
    static const char *const fields[] = {"<</FT/Sig/T(s)/V 5 0 R>>",
                                         "<</FT/Sig/T(s)/V<</ByteRange[0 1 2 3]/Contents<00>>>>>",
                                         "<</FT/Sig/T(s)/V<</Byte#52ange[0 1 2 3]/Contents<00>>>>>",
                                         "<</FT/Sig/T(s)>>"}; /* not signed yet */

    (void)unused;
    for (size_t i = 0; i < 4; i++) {
        OWN(buf) struct buf pdf = {.max = OUT_MAX};
        const struct slice objects[] = {
            SLICE("<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>/PieceInfo<<>>>>"),
            SLICE(PAGES), SLICE("<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"),
            slice_text(fields[i]), SLICE("<</ByteRange[0 1 2 3]/Contents<00>>>")};
        write_pdf(objects, i ? 4 : 5, &pdf);
        if (i != 2) {
            pack_objects(&pdf);
        }
        assert_null(memmem(pdf.ptr, pdf.len, "/ByteRange", 10));
        assert_int_equal(scrub(buf_slice(&pdf)), i == 3 ? SCRUB_CLEANED : SCRUB_CANNOT);
        assert_slice(buf_slice(&what), i == 3 ? "data of programs" : "it is signed");
    }
}

/* What scanners and telephones make: a page that is a photo, as the camera wrote it. */
static void a_pdf_document_says_no_more_of_its_pictures(void **unused)
{
    OWN(buf) struct buf pdf = {.max = OUT_MAX};
    OWN(buf) struct buf image = {.max = OUT_MAX};
    const struct slice photo = SLICE(SOI JFIF EXIF SOUND SCAN EOI);

    (void)unused;
    buf_printf(&image, IMAGE("/Filter/DCTDecode", "%zu"), photo.len);
    buf_add(&image, photo);
    buf_add_text(&image, "\nendstream");
    const struct slice objects[] = {SLICE(CATALOG), SLICE(PAGES), SLICE(PAGE), buf_slice(&image),
                                    SLICE(PDF_XMP)};
    write_pdf(objects, 5, &pdf);
    assert_int_equal(scrub(buf_slice(&pdf)), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "data of programs, XMP, EXIF, comments");
    assert_false(has("Lenz") || has("Camera7"));
    assert_true(has("/DCTDecode") && has("picture") && has("/Metadata ")); /* the picture's name */
}

static void a_pdf_document_keeps_comments_without_names(void **unused)
{
    static const struct slice objects[] = {
        SLICE_INIT(CATALOG), SLICE_INIT(PAGES),
        SLICE_INIT("<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Annots[4 0 R 5 0 R "
                   "<</Subtype/Highlight/Rect[0 0 9 9]/T(Lenz 1)/Contents(so)>>]>>"),
        SLICE_INIT("<</Subtype/Text/Rect[0 0 9 9]/T(Lenz 2)/Contents(why)>>"),
        SLICE_INIT("<</Subtype/Widget/Rect[0 0 9 9]/FT/Tx/T(field)>>")};
    OWN(buf) struct buf pdf = {.max = OUT_MAX};

    (void)unused;
    write_pdf(objects, 5, &pdf);
    assert_int_equal(scrub(buf_slice(&pdf)), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "names of users");
    assert_true(has("(so)") && has("(why)") && has("(field)") && !has("Lenz"));
}

static void a_pdf_document_keeps_a_picture_that_cannot_be_changed(void **unused)
{
    OWN(buf) struct buf pdf = {.max = OUT_MAX};
    OWN(buf) struct buf silent = {.max = OUT_MAX};
    const struct slice objects[] = {
        SLICE(CATALOG), SLICE(PAGES), SLICE("<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"),
        SLICE("<</Filter[/DCTDecode]/Length 71>>stream\n" SOI EXIF SCAN "\nendstream")};
    struct slice quiet[] = {
        objects[0], objects[1], objects[2],
        SLICE("<</Filter[/DCTDecode]/Length 27>>stream\n" SOI SCAN "\nendstream")};

    (void)unused;
    write_pdf(objects, 4, &pdf);
    assert_int_equal(scrub(buf_slice(&pdf)), SCRUB_CANNOT);
    write_pdf(quiet, 4, &silent);
    assert_int_equal(scrub(buf_slice(&silent)), SCRUB_NOTHING);
}

/* Illustrator opens what it keeps beside the page: without it the drawing could not be edited any more. */
static void a_drawing_stays(void **unused)
{
    static const struct slice objects[] = {
        SLICE_INIT(CATALOG),
        SLICE_INIT(PAGES),
        SLICE_INIT("<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/PieceInfo 4 0 R>>"),
        SLICE_INIT("<</Illustrator 5 0 R>>"),
        SLICE_INIT("<</LastModified(D:2026)/Private<</AIMetaData(Lenz)>>>>"),
        SLICE_INIT("<</Subtype/Text/Rect[0 0 9 9]/T(Lenz)>>")};
    static const struct slice other[] = {
        SLICE_INIT(CATALOG), SLICE_INIT(PAGES),
        SLICE_INIT("<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/PieceInfo 4 0 R>>"),
        SLICE_INIT("<</Illustrator<</LastModified(Lenz)>>/Draw<</Private(Lenz)>>>>")};
    OWN(buf) struct buf pdf = {.max = OUT_MAX};
    OWN(buf) struct buf without = {.max = OUT_MAX};

    (void)unused;
    write_pdf(objects, 6, &pdf);
    assert_int_equal(scrub(buf_slice(&pdf)), SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it is of a kind that is not changed");
    write_pdf(other, 4, &without);
    assert_int_equal(scrub(buf_slice(&without)), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "data of programs");
    assert_false(has("Lenz"));
}

/* A document of which a program made the comment 4 anew, which was deleted before: behind all, with this head. */
static void write_used_again(const char *head, int generation, struct buf *pdf)
{
    static const struct slice objects[] = {
        SLICE_INIT(CATALOG), SLICE_INIT(PAGES),
        SLICE_INIT("<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Annots[4 1 R 4 0 R]>>"),
        SLICE_INIT("<</Subtype/Text/Rect[0 0 9 9]/Contents(old obj 1 or)>>")};

    pdf->len = 0;
    write_pdf(objects, 4, pdf);
    const uint8_t *xref_before = memmem(pdf->ptr, pdf->len, "\nxref", 5);
    assert_non_null(xref_before);
    size_t before = (size_t)(xref_before - pdf->ptr) + 1;
    size_t at = pdf->len;
    buf_add_text(pdf, head);
    buf_add_text(pdf, "<</Subtype/Text/Rect[0 0 9 9]/T(Lenz)/Contents(new)>>\nendobj\n");
    size_t xref = pdf->len;
    buf_printf(pdf, "xref\n4 1\n%010zu %05d n \n", at, generation);
    buf_printf(pdf, "trailer\n<</Size 5/Root 1 0 R/Prev %zu>>\nstartxref\n%zu\n%%%%EOF\n", before,
               xref);
}

/* Its name would stay, and the result would not say so. */
static void a_number_that_is_used_again_is_not_overlooked(void **unused)
{
    static const char *const heads[] = {"4 1 obj",          "4 01 obj\n", "4 1\nobj", "4 1% 0\robj",
                                        "4 % 0 obj\n1 obj", "4 1 \fobj",  "4 10 obj"};
    OWN(buf) struct buf pdf = {.max = OUT_MAX};

    (void)unused;
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        write_used_again(heads[i], i == 6 ? 10 : 1, &pdf);
        assert_int_equal(scrub(buf_slice(&pdf)), SCRUB_CANNOT);
        assert_slice(buf_slice(&what), "it is of a kind that is not changed");
    }
    write_used_again("4 0 obj", 0, &pdf);
    assert_int_equal(scrub(buf_slice(&pdf)), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "names of users");
    assert_true(has("(new)") && !has("Lenz"));
}

/* Each stream but the first lies in the one before it, and all end where the last does. */
static void write_nested(size_t streams, size_t end, struct buf *pdf)
{
    static const char *const first[] = {CATALOG, PAGES,
                                        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"};
    size_t at[16] = {0};
    size_t n = 3 + streams;

    pdf->len = 0;
    buf_add_text(pdf, "%PDF-1.4\n");
    for (size_t i = 0; i < n; i++) {
        at[i] = pdf->len;
        buf_printf(pdf, "%zu 0 obj\n", i + 1);
        if (i < 3) {
            buf_printf(pdf, "%s\nendobj\n", first[i]);
        } else {
            size_t begin = pdf->len + strlen("<</Length 000000>>stream\n");
            buf_printf(pdf, "<</Length %06zu>>stream\n", end ? end - begin : 0);
        }
    }
    for (size_t i = 0; i < 1000; i++) {
        buf_add_text(pdf, "words");
    }
    buf_add_text(pdf, "\nendstream\nendobj\n");
    size_t xref = pdf->len;
    buf_printf(pdf, "xref\n0 %zu\n0000000000 65535 f \n", n + 1);
    for (size_t i = 0; i < n; i++) {
        buf_printf(pdf, "%010zu 00000 n \n", at[i]);
    }
    buf_printf(pdf, "trailer\n<</Size %zu/Root 1 0 R>>\nstartxref\n%zu\n%%%%EOF\n", n + 1, xref);
}

/* Their bytes would be copied as often as there are streams. */
static void streams_within_each_other_are_not_gone_through(void **unused)
{
    OWN(buf) struct buf pdf = {.max = OUT_MAX};

    (void)unused;
    for (size_t streams = 1; streams < 9; streams++) {
        write_nested(streams, 0, &pdf); /* where they end is known when all stand there */
        const uint8_t *end = memmem(pdf.ptr, pdf.len, "\nendstream", 10);
        assert_non_null(end);
        write_nested(streams, (size_t)(end - pdf.ptr), &pdf);
        assert_int_equal(scrub(buf_slice(&pdf)), streams < 3 ? SCRUB_NOTHING : SCRUB_CANNOT);
    }
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
        cmocka_unit_test(a_pdf_document_says_no_author),
        cmocka_unit_test(a_signature_is_seen_wherever_it_stands),
        cmocka_unit_test(a_pdf_document_says_no_more_of_its_pictures),
        cmocka_unit_test(a_pdf_document_keeps_comments_without_names),
        cmocka_unit_test(a_pdf_document_keeps_a_picture_that_cannot_be_changed),
        cmocka_unit_test(a_drawing_stays),
        cmocka_unit_test(a_number_that_is_used_again_is_not_overlooked),
        cmocka_unit_test(streams_within_each_other_are_not_gone_through),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
