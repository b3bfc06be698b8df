#include "formats/scrub/scrub_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <zip.h>

#include "tests/test.h"

#define SOI  "\xff\xd8"
#define JFIF "\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
#define EXIF                                                                                       \
    "\xff\xe1\0\x2a"                                                                               \
    "Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0Camera7\0"
#define XMP   "\xff\xe1\0\x0bhttp://x."
#define SOUND "\xff\xfe\0\x0b\x41nna Lenz"
#define SCAN  "\xff\xda\0\4\1\2picture\xff\0more\xff\xd0rest"
#define EOI   "\xff\xd9"

static void a_photo_keeps_its_picture_alone(void **unused)
{
    (void)unused;
    assert_int_equal(scrub(SLICE(SOI JFIF EXIF XMP SOUND SCAN EOI "behind")), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "EXIF, XMP, comments, data behind the picture");
    assert_false(has("Camera7") || has("Lenz") || has("http") || has("behind"));
    assert_true(has("picture") && has("more") && has("rest") && has("JFIF"));
    assert_non_null(memmem(out.ptr, out.len, "\1\x12\0\3\0\0\0\1\0\6", 10)); /* which side is up */
    OWN(buf) struct buf once = {.max = OUT_MAX};
    buf_add(&once, buf_slice(&out));
    assert_int_equal(scrub(buf_slice(&once)), SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE(SOI JFIF SCAN EOI)), SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE(SOI JFIF EXIF SCAN)), SCRUB_CANNOT);
    assert_int_equal(scrub(SLICE(SOI "\xff\xe1\xff\xff"
                                     "Exif")),
                     SCRUB_CANNOT);
}

#define JFIF_PREVIEW "\xff\xe0\0\x14JFIF\0\1\1\0\0\1\0\1\1\1Lens"
#define JFXX         "\xff\xe0\0\x0cJFXX\0\x11Lenz"
#define CANON                                                                                      \
    "\xff\xe0\0\x0a"                                                                               \
    "IILenz##"
#define ADOBE                                                                                      \
    "\xff\xee\0\x0e"                                                                               \
    "Adobe\0\x64\0\0\0\0\1"
#define OTHER                                                                                      \
    "\xff\xee\0\x0a"                                                                               \
    "MeLenz##"

/* What was cut off may be seen in a preview, and a program may write what it likes where JFIF and Adobe do. */
static void a_photo_keeps_no_previews(void **unused)
{
    (void)unused;
    assert_int_equal(scrub(SLICE(SOI JFIF_PREVIEW JFXX CANON ADOBE OTHER SCAN EOI)), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "previews, data of programs");
    assert_false(has("Lens") || has("Lenz") || has("JFXX"));
    assert_true(slice_starts(buf_slice(&out), SLICE(SOI JFIF ADOBE SCAN)));
}

#define PNG  "\x89PNG\r\n\x1a\n"
#define IHDR "\0\0\0\1IHDRxCCCC"
#define TEXT "\0\0\0\6tEXtAuthorCCCC"
#define IEND "\0\0\0\0IENDCCCC"

static void a_picture_keeps_no_texts(void **unused)
{
    (void)unused;
    assert_int_equal(scrub(SLICE(PNG IHDR TEXT IEND)), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "texts");
    assert_false(has("Author"));
    assert_int_equal(scrub(SLICE(PNG IHDR IEND)), SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE(PNG IHDR "\0\0\0\4caBXLenzCCCC" IEND)), SCRUB_CLEANED); /* C2PA */
    assert_slice(buf_slice(&what), "data of programs");
    assert_false(has("Lenz"));
    assert_int_equal(scrub(SLICE(PNG IHDR "\0\0\0\4gAMAxxxxCCCC\0\0\0\1CgBIxCCCC" IEND)),
                     SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE(PNG IHDR "\xff\xff\xff\xfftEXtAuthor")), SCRUB_CANNOT);
}

/* A document of parts, as an office program makes it. */
static void write_package(const char *const *names, const char *const *texts, size_t n,
                          struct buf *file)
{
    zip_source_t *s = zip_source_buffer_create(NULL, 0, 0, NULL);

    zip_source_keep(s);
    zip_t *z = zip_open_from_source(s, ZIP_CREATE, NULL);
    assert_non_null(z);
    for (size_t i = 0; i < n; i++) {
        zip_int64_t at =
            zip_file_add(z, names[i], zip_source_buffer(z, texts[i], strlen(texts[i]), 0), 0);
        assert_true(at >= 0 && zip_set_file_compression(z, (zip_uint64_t)at, ZIP_CM_STORE, 0) == 0);
    }
    assert_int_equal(zip_close(z), 0);
    uint8_t *room = buf_room(file, 65536);
    assert_true(room && zip_source_open(s) == 0);
    file->len = (size_t)zip_source_read(s, room, 65536);
    (void)zip_source_close(s);
    zip_source_free(s);
}

static void a_document_forgets_who_made_it(void **unused)
{
    static const char *const names[] = {"[Content_Types].xml", "docProps/core.xml",
                                        "word/document.xml"};
    static const char *const texts[] = {"<Types/>", "<p>Anna Lenz</p>", "<w>words</w>"};
    OWN(buf) struct buf file = {.max = OUT_MAX};

    (void)unused;
    write_package(names, texts, 3, &file);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "document properties");
    assert_true(has("<w>words</w>") && has("docProps/core.xml") && !has("Lenz"));
}

/* .NET names them anew in each document, and another program in other letters. */
static void properties_are_found_wherever_they_are(void **unused)
{
    static const char *const names[] = {"[Content_Types].xml",
                                        "_rels/.rels",
                                        "word/document.xml",
                                        "package/services/metadata/core-properties/2f0c.psmdcp",
                                        "docProps/App.xml",
                                        "props.xml",
                                        "face.jpeg"};
    static const char *const texts[] = {
        "<Types/>",
        "<Relationships>"
        "<Relationship "
        "Type=\"http://schemas.openxmlformats.org/package/2006/relationships/metadata/"
        "core-properties\" Target=\"/package/services/metadata/core-properties/2f0c.psmdcp\"/>"
        "<Relationship Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
        "extended-properties\" Target=\"docProps/app.xml\"/>"
        "<Relationship Type=\"http://purl.oclc.org/ooxml/officeDocument/relationships/"
        "customProperties\" Target=\"./props.xml\"></Relationship>"
        "<Relationship "
        "Type=\"http://schemas.openxmlformats.org/package/2006/relationships/metadata/"
        "thumbnail\" Target=\"face.jpeg\"/></Relationships>",
        "<w>words</w>",
        "<p>Anna Lenz</p>",
        "<p>Lenz AG</p>",
        "<p>of Lenz</p>",
        "the face of Lenz"};
    OWN(buf) struct buf file = {.max = OUT_MAX};

    (void)unused;
    write_package(names, texts, 7, &file);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "preview, document properties");
    assert_true(has("<w>words</w>") && has("2f0c.psmdcp") && !has("Lenz"));
}

#define WEBP_HEAD "RIFF\x30\0\0\0WEBPVP8X\x0a\0\0\0\x0c\0\0\0\0\0\0\0\0\0VP8L\3\0\0\0pix\0"
#define WEBP_EXIF "EXIF\x26\0\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0Camera Seven"

static void a_webp_picture_keeps_which_side_is_up(void **unused)
{
    (void)unused;
    assert_int_equal(scrub(SLICE(WEBP_HEAD WEBP_EXIF "XMP \1\0\0\0x\0")), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "EXIF, XMP");
    assert_true(!has("Camera") && !has("XMP ") && has("VP8L\3"));
    assert_int_equal(out.ptr[20], 0x08); /* there is EXIF, and no XMP */
    assert_int_equal(out.ptr[4], out.len - 8);
    assert_non_null(memmem(out.ptr, out.len, "\1\x12\0\3\0\0\0\1\0\6", 10));
    assert_int_equal(scrub(SLICE(WEBP_HEAD)), SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE(WEBP_HEAD "EXIF\xff\0\0\0")), SCRUB_CANNOT);
}

#define GIF_HEAD  "GIF89a\1\0\1\0\x80\0\0rgbRGB"
#define GIF_LOOPS "\x21\xff\x0bNETSCAPE2.0\3\1\0\0\0"
#define GIF_IMAGE "\x21\xf9\4\0\0\0\0\0\x2c\0\0\0\0\1\0\1\0\0\2\2\x44\1\0"
#define GIF_WORDS "\x21\xfe\11Anna Lenz\0"

static void a_gif_picture_keeps_how_it_moves(void **unused)
{
    (void)unused;
    assert_int_equal(
        scrub(SLICE(GIF_HEAD GIF_LOOPS GIF_WORDS "\x21\xff\x0bXMP DataXMP\2<x\0\x21\xff\x0b"
                                                 "PROGRAM 1.0\1x\0" GIF_IMAGE "\x3b"
                                                 "behind")),
        SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "comments, XMP, data of programs, data behind the picture");
    assert_true(slice_equal(buf_slice(&out), SLICE(GIF_HEAD GIF_LOOPS GIF_IMAGE "\x3b")));
    assert_int_equal(scrub(SLICE(GIF_HEAD GIF_LOOPS GIF_IMAGE "\x3b")), SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE(GIF_HEAD GIF_IMAGE)), SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE(GIF_HEAD "\0" GIF_WORDS GIF_IMAGE "\0")), SCRUB_CLEANED);
    assert_true(slice_equal(buf_slice(&out), SLICE(GIF_HEAD GIF_IMAGE "\x3b")));
    assert_int_equal(scrub(SLICE(GIF_HEAD GIF_IMAGE "\x21\xce\4Lenz\0\x21\xff\x0b"
                                                    "NETSCAPE2.0\4Lenz\0\x3b")),
                     SCRUB_CLEANED);
    assert_true(!has("Lenz") && !has("NETSCAPE"));
    assert_int_equal(scrub(SLICE(GIF_HEAD "\x21\xfe\x09"
                                          "Anna\x3b")),
                     SCRUB_CANNOT);
    assert_int_equal(scrub(SLICE(GIF_HEAD GIF_IMAGE "\1\x3b")), SCRUB_CANNOT);
    assert_int_equal(scrub(SLICE("GIF89a\1\0\1\0\xff\0\0rgb")), SCRUB_CANNOT);
}

/* One directory at 8: strip at 50 of three bytes, and an artist at 53. */
#define TIFF_ENTRIES(n, more)                                                                      \
    "II*\0\x08\0\0\0" n "\0\x11\1\4\0\1\0\0\0\x32\0\0\0\x17\1\4\0\1\0\0\0\3\0\0\0" more
#define TIFF_ARTIST "\x3b\1\2\0\6\0\0\0\x35\0\0\0"

static void a_tiff_picture_keeps_what_it_is_read_by(void **unused)
{
    (void)unused;
    assert_int_equal(scrub(SLICE(TIFF_ENTRIES("\3", TIFF_ARTIST) "\0\0\0\0pixLenz!\0")),
                     SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "texts");
    assert_true(has("pix") && !has("Lenz"));
    assert_int_equal(out.len, 59);
    assert_int_equal(out.ptr[8], 2);
    assert_int_equal(scrub(SLICE(TIFF_ENTRIES("\2", "\0\0\0\0") "............pixLenz!\0")),
                     SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE(TIFF_ENTRIES("\3", TIFF_ARTIST) "\x08\0\0\0pixLenz!\0")),
                     SCRUB_CANNOT);
    assert_int_equal(scrub(SLICE(TIFF_ENTRIES("\3", TIFF_ARTIST) "\0\0\0\0pi")), SCRUB_CANNOT);
    assert_int_equal(scrub(SLICE(TIFF_ENTRIES("\xff", TIFF_ARTIST))), SCRUB_CANNOT);
    assert_int_equal(scrub(SLICE("MM\0*")), SCRUB_CANNOT);
}

static void a_raw_picture_stays(void **unused)
{
    (void)unused;
#define PACKED(n) TIFF_ENTRIES("\3", "\3\1\3\0\1\0\0\0" n "\0\0\0") "\0\0\0\0pixLenz!\0"
    assert_int_equal(scrub(SLICE(PACKED("\5"))), SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE(PACKED("\xff"))), SCRUB_CANNOT);
    assert_int_equal(scrub(SLICE(TIFF_ENTRIES("\3", "\xd8\xc5\3\0\1\0\0\0\1\0\0\0") "\0\0\0\0pix")),
                     SCRUB_CANNOT);
    assert_int_equal(scrub(SLICE("II*\0\x10\0\0\0CR\2\0....\2\0"
                                 "\x11\1\4\0\1\0\0\0\x2e\0\0\0\x17\1\4\0\1\0\0\0\3\0\0\0"
                                 "\0\0\0\0pix")),
                     SCRUB_CANNOT);
}

/* Strips at the same place cost no more than the file has. */
static void strips_that_overlap_are_not_gone_through(void **unused)
{
    enum { STRIPS = 20000 };
    OWN(buf) struct buf file = {.max = OUT_MAX};

    (void)unused;
    buf_add(&file, SLICE("II*\0\x08\0\0\0\2\0\x11\1\4\0\x20\x4e\0\0\x26\0\0\0"
                         "\x17\1\4\0\x20\x4e\0\0\xa6\x38\1\0\0\0\0\0"));
    for (size_t i = 0; i < 2 * STRIPS; i++) {
        buf_add(&file, i < STRIPS ? SLICE("\x08\0\0\0") : SLICE("\0\0\2\0"));
    }
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CANNOT);
    for (size_t i = 0; i < STRIPS; i++) {
        file.ptr[38 + 4 * (STRIPS + i) + 2] = 0;
    }
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_NOTHING);
}

#define JXL_HEAD                                                                                   \
    "\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14"                                                           \
    "ftypjxl \0\0\0\0jxl "
#define JXL_PICTURE "\0\0\0\x0bjxlcpix"
#define JXL_OTHERS                                                                                 \
    "\0\0\0\x0c"                                                                                   \
    "ExifLenz\0\0\0\x0cxml Lenz\0\0\0\x10"                                                         \
    "brobxml Lenz\0\0\0\1jumb\0\0\0\0\0\0\0\x14Lenz\0\0\0\x0cjbrdLenz"

static void a_jpeg_xl_picture_keeps_its_codestream(void **unused)
{
    (void)unused;
    assert_int_equal(scrub(SLICE(JXL_HEAD JXL_OTHERS JXL_PICTURE "\0\0\0\0xml Lenz")),
                     SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "EXIF, XMP, data of programs, data of a JPEG file");
    assert_true(slice_equal(buf_slice(&out), SLICE(JXL_HEAD JXL_PICTURE)));
    assert_int_equal(scrub(SLICE(JXL_HEAD "\0\0\0\0jxlcpix")), SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE(JXL_HEAD JXL_OTHERS)), SCRUB_CANNOT);
    assert_int_equal(scrub(SLICE(JXL_HEAD JXL_PICTURE "\0\0\0\7xml ")), SCRUB_CANNOT);
    assert_int_equal(scrub(SLICE(JXL_HEAD JXL_PICTURE "\0\0\0\xffxml ")), SCRUB_CANNOT);
    assert_int_equal(scrub(SLICE("\xff\x0a")), SCRUB_NOTHING); /* the codestream alone */
}

static void other_pictures_stay_and_that_is_said(void **unused)
{
    static const struct slice files[] = {
        SLICE_INIT("\0\0\0\x0cjP  \r\n"),
        SLICE_INIT("\xff\xfe<\0?\0>\0<\0s\0v\0g\0>\0"),
        SLICE_INIT("OggS\0"),
        SLICE_INIT("RIFX\0\0\0\4WAVE"),
        SLICE_INIT("BW64\xff\xff\xff\xffWAVE"),
        SLICE_INIT("\0\0\0\x08styp\0\0\0\x08moof"),
        SLICE_INIT("\0\0\0\x08"
                   "free\0\0\0\x08moof"),
        SLICE_INIT("\x1a\x45\xdf\xa3"),
        SLICE_INIT("%!PS-Adobe-3.0\n%%For: Anna Lenz\n"),
        SLICE_INIT("<?xml version=\"1.0\"?><office:document><meta:creator>")};

    (void)unused;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(scrub(files[i]), SCRUB_CANNOT);
        assert_slice(buf_slice(&what), "it is of a kind that is not changed");
    }
    assert_int_equal(scrub(SLICE("<html><svg/></html>")), SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE("\xff\xfe<\0b\0>\0")), SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE("RIFF\4\0\0\0ACON")), SCRUB_NOTHING);
}

/* Each reason is its own, for each is mended otherwise. */
static void a_document_that_stays_says_why(void **unused)
{
    static const char *const names[] = {"[Content_Types].xml", "word/document.xml",
                                        "word/media/a.png"};
    static const char *const others[] = {"mimetype", "META-INF/container.xml"};
    static const char *const types = "<Types/>";
    const char *const sealed = "<Types><Override ContentType=\"application/vnd.openxmlformats-"
                               "package.digital-signature-origin\"/></Types>";

    const struct {
        const char *texts[3];
        const char *why;
    } rows[] = {
        {{types, "<w>words</", ""},            "it is damaged, or a change in it cannot be accepted"},
        {{types, "<w/>", "\x89PNG\r\n\x1a\n"}, "it holds a picture that cannot be changed"          },
        {{sealed, "<w/>", ""},                 "it is signed"                                       },
        {{"<Types", "<w/>", ""},               "it is damaged"                                      },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        OWN(buf) struct buf file = {.max = OUT_MAX};
        write_package(names, rows[i].texts, 3, &file);
        assert_int_equal(scrub(buf_slice(&file)), SCRUB_CANNOT);
        assert_slice(buf_slice(&what), rows[i].why);
    }
    OWN(buf) struct buf book = {.max = OUT_MAX};
    write_package(others, rows[0].texts, 2, &book);
    assert_int_equal(scrub(buf_slice(&book)), SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it is of a kind that is not changed");
}

/* What is in fragments, streamed or a program is not changed, and the document is cleaned all the same. */
static void a_document_with_a_film_that_stays_is_cleaned(void **unused)
{
    static const char *const names[] = {"[Content_Types].xml", "docProps/core.xml",
                                        "ppt/media/a.mp4"};
    static const char *const rows[][2] = {
        {"\1ab1styp",                                     "it holds a film that cannot be changed"   },
        {"RIFF\xff\xff\xff\xffWAVEdata\xff\xff\xff\xffs",
         "it holds a sound that cannot be changed"                                                   },
        {"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg/>",        "it holds a drawing that cannot be changed"},
        {"\x89PNG\r\n\x1a\n",                             "it holds a picture that cannot be changed"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *texts[] = {"<Types/>", "<p>Anna Lenz</p>", rows[i][0]};
        OWN(buf) struct buf file = {.max = OUT_MAX};
        char said[100];
        write_package(names, texts, 3, &file);
        assert_int_equal(scrub(buf_slice(&file)), SCRUB_PARTLY);
        (void)snprintf(said, sizeof(said), "document properties; %s", rows[i][1]);
        assert_slice(buf_slice(&what), said);
        assert_true(!has("Lenz") && has(rows[i][0]));
    }
}

/* More is unpacked of no document; that it is damaged would be wrong. */
static void a_document_that_is_too_large_says_so(void **unused)
{
    static const char *const names[] = {"[Content_Types].xml", "word/document.xml"};
    static const size_t sizes[] = {2, (size_t)97 << 20};
    OWN(buf) struct buf file = {.max = OUT_MAX};
    zip_source_t *s = zip_source_buffer_create(NULL, 0, 0, NULL);
    char *text = calloc(sizes[1], 1);

    (void)unused;
    assert_non_null(text);
    (void)memset(text, ' ', sizes[1]);
    zip_source_keep(s);
    zip_t *z = zip_open_from_source(s, ZIP_CREATE, NULL);
    assert_non_null(z);
    for (size_t i = 0; i < 2; i++) {
        assert_true(zip_file_add(z, names[i], zip_source_buffer(z, text, sizes[i], 0), 0) >= 0);
    }
    assert_int_equal(zip_close(z), 0);
    uint8_t *room = buf_room(&file, 1 << 20);
    assert_true(room && zip_source_open(s) == 0);
    file.len = (size_t)zip_source_read(s, room, 1 << 20);
    (void)zip_source_close(s);
    zip_source_free(s);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it is too large");
    free(text);
}

static void an_older_form_stays(void **unused)
{
    (void)unused;
    assert_int_equal(scrub(SLICE("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 the rest")), SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it is of an older form, which is not changed");
    assert_int_equal(scrub(SLICE("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
                                 "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0")),
                     SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it is encrypted");
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
        cmocka_unit_test(a_photo_keeps_its_picture_alone),
        cmocka_unit_test(a_photo_keeps_no_previews),
        cmocka_unit_test(a_picture_keeps_no_texts),
        cmocka_unit_test(a_document_forgets_who_made_it),
        cmocka_unit_test(properties_are_found_wherever_they_are),
        cmocka_unit_test(a_webp_picture_keeps_which_side_is_up),
        cmocka_unit_test(a_gif_picture_keeps_how_it_moves),
        cmocka_unit_test(a_tiff_picture_keeps_what_it_is_read_by),
        cmocka_unit_test(a_raw_picture_stays),
        cmocka_unit_test(strips_that_overlap_are_not_gone_through),
        cmocka_unit_test(a_jpeg_xl_picture_keeps_its_codestream),
        cmocka_unit_test(other_pictures_stay_and_that_is_said),
        cmocka_unit_test(a_document_that_stays_says_why),
        cmocka_unit_test(a_document_with_a_film_that_stays_is_cleaned),
        cmocka_unit_test(a_document_that_is_too_large_says_so),
        cmocka_unit_test(an_older_form_stays),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
