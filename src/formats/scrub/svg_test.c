#include <stdio.h>
#include <zlib.h>

#include "formats/scrub/scrub_test.h"
#include "tests/test.h"

#define NS       "xmlns=\"http://www.w3.org/2000/svg\""
#define XLINK    " xmlns:xlink=\"http://www.w3.org/1999/xlink\""
#define INKSCAPE " xmlns:inkscape=\"http://www.inkscape.org/namespaces/inkscape\""
#define HEAD     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

static void expect(const char *file, const char *said, const char *made)
{
    assert_int_equal(scrub(slice_text(file)), made ? SCRUB_CLEANED : SCRUB_CANNOT);
    assert_slice(buf_slice(&what), said);
    if (made) {
        assert_slice(buf_slice(&out), made);
    }
}

static void a_drawing_keeps_what_is_drawn(void **unused)
{
    (void)unused;
    expect(HEAD "<!-- by Anna Lenz --><?adobe Lenz?>"
                "<svg " NS INKSCAPE " inkscape:docname='/mine/lenz/a.svg' width=\"9\">"
                "<metadata id=\"m\"><metadata/><r:RDF xmlns:r=\"urn:x\">Lenz</r:RDF></metadata>"
                "<inkscape:view><g>Lenz</g></inkscape:view><title>House</title>"
                "<g\n inkscape:label=\"Lenz &gt; 1\" id = 'a>b'><![CDATA[<x>]]></g></svg>\n",
           "comments, data of programs, metadata",
           HEAD "<svg " NS
                " width=\"9\"><title>House</title><g id = 'a>b'><![CDATA[<x>]]></g></svg>\n");
    expect("<svg:svg xmlns:svg=\"http://www.w3.org/2000/svg\"><svg:metadata>Lenz</svg:metadata>"
           "<svg:g/></svg:svg>",
           "metadata", "<svg:svg xmlns:svg=\"http://www.w3.org/2000/svg\"><svg:g/></svg:svg>");
    expect("<svg " NS "><RDF xmlns=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">Lenz</RDF><p "
           "xmlns=\"http://www.w3.org/1999/xhtml\">words</p></svg>",
           "data of programs",
           "<svg " NS "><p xmlns=\"http://www.w3.org/1999/xhtml\">words</p></svg>");
    assert_int_equal(scrub(SLICE(HEAD "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"a\">\n"
                                      "<svg " NS XLINK "><a xlink:href=\"#b\" "
                                      "xml:space='preserve'>x</a></svg>")),
                     SCRUB_NOTHING);
}

#define JPEG_SAYS   "/9j//gALQW5uYSBMZW56/9oABAEC/9k=" /* with a comment, "Anna Lenz" */
#define JPEG_SILENT "/9j/2gAEAQL/2Q=="
#define IMAGE(url)  "<svg " NS XLINK "><image xlink:href=\"" url "\"/></svg>"

static void pictures_within_a_drawing_are_cleaned(void **unused)
{
    (void)unused;
    expect(IMAGE("data:image/jpeg;base64," JPEG_SAYS), "data of pictures",
           IMAGE("data:image/jpeg;base64," JPEG_SILENT));
    expect(IMAGE("data:image/jpeg;base64,/9j//gALQW5u\nYSBMZW56/9oA BAEC/9k="), "data of pictures",
           IMAGE("data:image/jpeg;base64," JPEG_SILENT));
    assert_int_equal(scrub(SLICE(IMAGE("data:image/jpeg;base64," JPEG_SILENT))), SCRUB_NOTHING);
    static const char *const closed[] = {
        IMAGE("data:image/jpeg;base64,/9j/"),
        IMAGE("data:image/jpeg;base64,/9j//gAL&#10;QW5uYSBMZW56/9oABAEC/9k="),
        IMAGE("data:image/jpeg,%ff%d8"),
        IMAGE("data:image/svg+xml;base64,PHN2Zy8+"),
        IMAGE(" data:image/jpeg;base64," JPEG_SAYS),
        "<svg " NS "><style>a{b:url(DATA:image/jpeg;base64," JPEG_SAYS ")}</style></svg>"};
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
        expect(closed[i], "it holds a picture that cannot be changed", NULL);
    }
}

#define HREF(url) "<svg " NS "><image href=\"" url "\"/></svg>"

/* Whatever their type is said to be. */
static void files_of_other_types_within_a_drawing_are_cleaned(void **unused)
{
    static const char *const types[] = {"data:img/jpeg;base64,", "data:;base64,",
                                        "data:application/octet-stream;base64,",
                                        "DATA:font/woff;BASE64,"};

    (void)unused;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        char file[300];
        char made[300];
        (void)snprintf(file, sizeof(file), HREF("%s%s"), types[i], JPEG_SAYS);
        (void)snprintf(made, sizeof(made), HREF("%s%s"), types[i], JPEG_SILENT);
        expect(file, "data of pictures", made);
    }
    static const char *const closed[] = {
        HREF("data:image/jxl;base64,AAAADEpYTCANCocKAAAADEV4aWZMZW56"),
        HREF("data:image/svg+xml;base64,H4sIAAAAAAAAAA=="),
        HREF("data:,%ff%d8"),
        HREF("data&#58;image/jpeg;base64," JPEG_SAYS),
        HREF("dat&#x61;:image/jpeg;base64," JPEG_SAYS),
        "<svg " NS "><style>a{b:url(data: img/jpeg ;base64," JPEG_SAYS ")}</style></svg>"};
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
        expect(closed[i], "it holds a picture that cannot be changed", NULL);
    }
    static const char *const places[] = {HREF("file:///mine/lenz/a.png"), HREF("C:\\lenz\\a.png")};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        expect(places[i], "it needs other files, whose places it names", NULL);
    }
    static const char *const open[] = {
        HREF("https://example.test/?a=1&#38;b=2"),
        "<svg " NS "><text x=\"data: a\">of data: one, two</text></svg>",
        "<svg " NS "><style>@font-face{src:url(data:font/woff2;base64,d09GMg==)}</style></svg>"};
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        assert_int_equal(scrub(slice_text(open[i])), SCRUB_NOTHING);
    }
}

/* What chooses by place or refers to what goes would draw it otherwise. */
static void a_drawing_that_would_look_otherwise_stays(void **unused)
{
    static const char *const closed[] = {
        "<svg " NS "><style>g:nth-child(2){fill:red}</style><metadata/><g/></svg>",
        "<svg " NS "><metadata/><style><![CDATA[a + b{fill:red}]]></style></svg>",
        "<svg " NS "><style>a ~ b{fill:red}</style><metadata/></svg>",
        "<svg " NS INKSCAPE "><style>[label]{fill:red}</style><g inkscape:label='x'/></svg>",
        "<?xml-stylesheet href='a.css'?><svg " NS "><metadata/></svg>",
        "<svg " NS "><metadata><g><path id='p1'/></g></metadata><use href='#p1'/></svg>",
        "<svg " NS "><metadata><style>a{fill:red}</style></metadata></svg>"};

    (void)unused;
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
        expect(closed[i], "it may be drawn otherwise without what would go", NULL);
    }
    static const char *const programs[] = {"<svg " NS " onload='read()'><metadata/></svg>",
                                           "<svg " NS
                                           "><metadata/><a href='javascript:read()'/></svg>",
                                           "<svg " NS "><metadata><script/></metadata></svg>"};
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        expect(programs[i], "it is a program as well", NULL);
    }
    expect("<svg " NS
           "><style>a,b&gt;c{fill:red}</style><metadata id='p1'/><use href='#p10'/></svg>",
           "metadata", "<svg " NS "><style>a,b&gt;c{fill:red}</style><use href='#p10'/></svg>");
    assert_int_equal(scrub(SLICE("<svg " NS "><style>a+b{}</style></svg>")), SCRUB_NOTHING);
#define FACE "<style>a{src:url(data:font/woff2;base64,d0+)}</style>"
    expect("<svg " NS ">" FACE "<metadata/></svg>", "metadata", "<svg " NS ">" FACE "</svg>");
    expect("<svg " NS
           "><style>a{src:url(data:font/woff2;base64,d0+)}a+b{}</style><metadata/></svg>",
           "it may be drawn otherwise without what would go", NULL);
}

/* Entities would have to be put in, and one prefix may stand for two namespaces: what is drawn might go. */
static void what_is_written_otherwise_stays(void **unused)
{
    static const char odd[] = "it is written in a way that is not gone through";

    (void)unused;
    expect("<!DOCTYPE svg [<!ENTITY ns \"http://www.w3.org/2000/svg\"><!ENTITY a \"<metadata/>\">]>"
           "<svg xmlns=\"&ns;\">&a;</svg>",
           odd, NULL);
    expect("<svg " NS " xmlns:s=\"http://www.w3.org/2000&#x2f;svg\"><s:g/></svg>", odd, NULL);
    expect("<svg " NS " xmlns:s=\"http://www.w3.org/2000/svg\"><s:g xmlns:s='urn:x'/></svg>", odd,
           NULL);
    expect("<?xml version=\"1.0\" encoding=\"UTF-7\"?><svg " NS "/>", odd, NULL);
    expect("<svg " NS ">\xff</svg>", odd, NULL);
    expect("<!DOCTYPE svg><!DOCTYPE svg><svg " NS "/>", odd, NULL);
    assert_int_equal(scrub(SLICE("<!DOCTYPE svg><svg " NS "><style>a[b]{}</style></svg>")),
                     SCRUB_NOTHING);
    expect("<svg " NS "><script>read()</script><metadata/></svg>", "it is a program as well", NULL);
    assert_int_equal(scrub(SLICE("<svg " NS "><script>read()</script></svg>")), SCRUB_NOTHING);
    assert_int_equal(scrub(SLICE("<?xml version='1.0' encoding='iso-8859-1'?><svg>\xe4</svg>")),
                     SCRUB_NOTHING);
}

static void what_is_no_drawing_stays(void **unused)
{
    static const char *const files[] = {
        "<svg " NS "><metadata></svg>",
        "<svg " NS "><metadata></metadata>",
        "<svg " NS "></svg></svg>",
        "<svg " NS "><x:y/></svg>",
        "<svg " NS " a b=\"c\"/>",
        "<svg " NS " a b/>",
        "<svg " NS "><!-- Lenz </svg>",
        "<x:svg xmlns:x='urn:x'><svg/></x:svg>",
        "<svg",
        "<svg/><!-- Lenz",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        expect(files[i], "it is damaged", NULL);
    }
    static const char *const pages[] = {"<!-- <svg/> --> words", "<div><!-- Lenz --><svg/></div>",
                                        "<!DOCTYPE html [<!ENTITY a \"<svg/>\">]><p><svg/></p>",
                                        "<svgs/>", "<!--<svg/>"};
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        assert_int_equal(scrub(slice_text(pages[i])), SCRUB_NOTHING);
    }
}

static void pack(const char *text, char *name, struct buf *to)
{
    z_stream z = {0};
    gz_header head = {.name = (Bytef *)name};
    uint8_t *room = buf_room(to, 65536);

    assert_non_null(room);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflateSetHeader(&z, &head), Z_OK);
    char copy[1000];
    (void)snprintf(copy, sizeof(copy), "%s", text);
    z.next_in = (Bytef *)copy;
    z.avail_in = (uInt)strlen(copy);
    z.next_out = room;
    z.avail_out = 65536;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    to->len += 65536 - z.avail_out;
    (void)deflateEnd(&z);
}

static void unpack(struct slice packed, struct buf *to)
{
    z_stream z = {0};
    uint8_t copy[1000];
    uint8_t *room = buf_room(to, 65536);

    assert_true(room && packed.len <= sizeof(copy));
    (void)memcpy(copy, packed.ptr, packed.len);
    z.next_in = copy;
    z.avail_in = (uInt)packed.len;
    z.next_out = room;
    z.avail_out = 65536;
    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    to->len += 65536 - z.avail_out;
    (void)inflateEnd(&z);
}

static void a_packed_drawing_is_packed_anew(void **unused)
{
    OWN(buf) struct buf file = {.max = OUT_MAX};
    OWN(buf) struct buf inside = {.max = OUT_MAX};
    char name[] = "/mine/lenz/a.svg";

    (void)unused;
    pack("<svg " NS "><metadata/><g/></svg>", name, &file);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CLEANED);
    assert_slice(buf_slice(&what), "metadata, names");
    unpack(buf_slice(&out), &inside);
    assert_slice(buf_slice(&inside), "<svg " NS "><g/></svg>");
    assert_null(memmem(out.ptr, out.len, "lenz", 4));
    OWN(buf) struct buf again = {.max = OUT_MAX};
    buf_add(&again, buf_slice(&out));
    assert_int_equal(scrub(buf_slice(&again)), SCRUB_NOTHING);
    assert_int_equal(scrub(slice_head(buf_slice(&file), file.len - 9)), SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it is damaged");
    buf_add(&file, SLICE("more"));
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CANNOT);
    buf_reset(&file);
    pack("words", name, &file);
    assert_int_equal(scrub(buf_slice(&file)), SCRUB_CANNOT);
    assert_slice(buf_slice(&what), "it is an archive that is not opened");
}

/* Many of them are unpacked for one letter up to a limit. */
static void packed_drawings_of_a_letter_count_together(void **unused)
{
    OWN(buf) struct buf file = {.max = OUT_MAX};
    char name[] = "a.svg";
    size_t unpacked = SCRUB_FILE_MAX - 150;

    static const enum scrub_end ends[] = {SCRUB_CLEANED, SCRUB_CLEANED, SCRUB_CANNOT, SCRUB_CANNOT};

    (void)unused;
    pack("<svg " NS "><metadata/></svg>", name, &file);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        OWN(buf) struct buf made = {.max = OUT_MAX};
        OWN(buf) struct buf words = {.max = 100};
        assert_int_equal(scrub_file_of_letter(buf_slice(&file), &unpacked, &made, &words), ends[i]);
        assert_slice(buf_slice(&words), i < 2 ? "metadata, names" : "it is too large");
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
        cmocka_unit_test(a_drawing_keeps_what_is_drawn),
        cmocka_unit_test(pictures_within_a_drawing_are_cleaned),
        cmocka_unit_test(files_of_other_types_within_a_drawing_are_cleaned),
        cmocka_unit_test(a_drawing_that_would_look_otherwise_stays),
        cmocka_unit_test(what_is_written_otherwise_stays),
        cmocka_unit_test(what_is_no_drawing_stays),
        cmocka_unit_test(a_packed_drawing_is_packed_anew),
        cmocka_unit_test(packed_drawings_of_a_letter_count_together),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
