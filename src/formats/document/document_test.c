#include "formats/document/kind.h"
#include "formats/document/office.h"
#include "formats/document/rtf.h"
#include "tests/test.h"

/* What is between white space, with single blanks. */
static const char *squeezed(const struct buf *b)
{
    static char text[1024];
    size_t len = 0;

    for (size_t i = 0; i < b->len && len < sizeof(text) - 2; i++) {
        bool space = b->ptr[i] <= ' ';
        if (!space) {
            text[len++] = (char)b->ptr[i];
        } else if (len && text[len - 1] != ' ') {
            text[len++] = ' ';
        }
    }
    while (len && text[len - 1] == ' ') {
        len--;
    }
    text[len] = '\0';
    return text;
}

static void assert_office(enum office_family family, const char *name, const char *xml,
                          const char *text, const char *deleted)
{
    OWN(buf) struct buf out = {.max = 1 << 16};
    OWN(buf) struct buf aside = {.max = 1 << 16};
    OWN(office_text)
    struct office_text *t = office_text_new(family, slice_text(name), &out, &aside);

    assert_true(office_text_add(t, slice_text(xml)));
    assert_true(office_text_end(t));
    assert_string_equal(squeezed(&out), text);
    assert_string_equal(squeezed(&aside), deleted);
}

static void words_are_joined_and_separated(void **unused)
{
    (void)unused;
    assert_office(OFFICE_OOXML, "word/document.xml",
                  "<w:document xmlns:w='urn:w'><w:p><w:r><w:t>Hel</w:t></w:r><w:r><w:rPr><w:b/>"
                  "</w:rPr><w:t>lo</w:t></w:r><w:tab/><w:r><w:t>there</w:t></w:r></w:p>"
                  "<w:p><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins><w:r><w:t>new"
                  "</w:t></w:r></w:ins></w:p><w:x>17</w:x></w:document>",
                  "Hello there new", "old");
    assert_office(OFFICE_OOXML, "xl/worksheets/sheet1.xml",
                  "<s xmlns='urn:s'><c t='s'><v>0</v></c><c><v>12.5</v></c><c t='inlineStr'><is>"
                  "<t>in</t></is></c><c><f>HYPERLINK(\"x\")</f></c></s>",
                  "12.5 in HYPERLINK(\"x\")", "");
    assert_office(OFFICE_OOXML, "docProps/core.xml",
                  "<p xmlns:dc='urn:d'><dc:title>Plan</dc:title><dc:creator>Anna</dc:creator></p>",
                  "Plan Anna", "");
    assert_office(OFFICE_OOXML, "word/_rels/document.xml.rels",
                  "<R xmlns='urn:r'><r Target='styles.xml'/><r TargetMode='External' "
                  "Target='https://a.test/'/></R>",
                  "https://a.test/", "");
    assert_office(OFFICE_ODF, "content.xml",
                  "<o xmlns:t='urn:t'><t:p>one<t:span>two</t:span><t:tab/>three</t:p><t:p>four"
                  "</t:p></o>",
                  "onetwo three four", "");
}

static void entities_are_refused(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 1 << 16};
    OWN(buf) struct buf aside = {.max = 1 << 16};
    OWN(office_text)
    struct office_text *t = office_text_new(OFFICE_ODF, SLICE("content.xml"), &out, &aside);

    assert_false(office_text_add(t, SLICE("<!DOCTYPE a [<!ENTITY b \"cc\">]><a>&b;&b;</a>")) &&
                 office_text_end(t));
}

static void entries(void **unused)
{
    (void)unused;
    assert_int_equal(office_use_of(OFFICE_OOXML, SLICE("word/header1.xml")), OFFICE_TEXT);
    assert_int_equal(office_use_of(OFFICE_OOXML, SLICE("ppt/notesSlides/notesSlide1.xml")),
                     OFFICE_TEXT);
    assert_int_equal(office_use_of(OFFICE_OOXML, SLICE("word/embeddings/a.xlsx")), OFFICE_CHILD);
    assert_int_equal(office_use_of(OFFICE_OOXML, SLICE("xl/workbook.bin")), OFFICE_UNREAD);
    assert_int_equal(office_use_of(OFFICE_OOXML, SLICE("word/theme/theme1.xml")), OFFICE_IGNORED);
    assert_int_equal(office_use_of(OFFICE_OOXML, SLICE("word/media/image1.png")), OFFICE_CHILD);
    assert_int_equal(office_use_of(OFFICE_OOXML, SLICE("word/theme/secret.txt")), OFFICE_CHILD);
    assert_int_equal(office_use_of(OFFICE_ODF, SLICE("Object 1/content.xml")), OFFICE_TEXT);
    assert_int_equal(office_use_of(OFFICE_ODF, SLICE("secret.txt")), OFFICE_CHILD);
    assert_int_equal(office_use_of(OFFICE_ODF, SLICE("META-INF/manifest.xml")), OFFICE_IGNORED);
}

static void as_given(unsigned page, struct slice bytes, struct buf *out)
{
    buf_add(out, page == 1251 ? SLICE("<1251>") : bytes);
}

static void assert_rtf(const char *rtf, const char *text)
{
    OWN(buf) struct buf out = {.max = 1 << 16};
    struct rtf_found found;

    text_from_rtf(slice_text(rtf), as_given, &out, &found);
    assert_string_equal(squeezed(&out), text);
}

static void rich_text(void **unused)
{
    (void)unused;
    assert_rtf(
        "{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}{\\f1\\fcharset204 Times;}}{\\info{\\title My plan}}"
        "\\f0 Hel{\\b lo}\\par w\\'6frld\\~x {\\f1\\'cc\\'e8}}",
        "My plan Hello world x <1251>");
    assert_rtf("{\\rtf1 a\\u252?b\\uc2\\u8364??c{\\*\\unknown no}{\\*\\annotation yes}}",
               "a\xc3\xbc"
               "b\xe2\x82\xac"
               "c yes");
    assert_rtf("{\\rtf1 {\\pict 0102}a\\bin3 {{{b\\u-10179?\\u-8704?}", "ab\xf0\x9f\x98\x80");
    assert_rtf("{\\rtf1 {\\header top}{\\footnote below}\\{x\\}", "top below {x}");
}

static void kinds(void **unused)
{
    (void)unused;
    bool encrypted = false;

    assert_int_equal(document_kind_of_bytes(SLICE("x\n%PDF-1.4")), DOCUMENT_PDF);
    assert_int_equal(document_kind_of_bytes(SLICE("PK\3\4abc")), DOCUMENT_ZIP);
    assert_int_equal(document_kind_of_bytes(SLICE("plain")), DOCUMENT_OTHER);
    assert_int_equal(document_kind_of_name(SLICE("a.b.DOCX")), DOCUMENT_ZIP);
    assert_int_equal(document_kind_of_name(SLICE("docx")), DOCUMENT_OTHER);
    assert_int_equal(document_kind_of_type(SLICE("application/pdf")), DOCUMENT_PDF);
    assert_slice(document_type_of_name(SLICE("x.eml")), "message/rfc822");
    assert_true(document_is_text(SLICE("gr\xc3\xbcn\r\n")));
    assert_false(document_is_text(SLICE("a\0b")));
    assert_false(document_is_text(SLICE("\xff\xfe")));
    assert_false(document_is_text(SLICE("")));
    (void)document_ole_reason(SLICE("E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0"),
                              &encrypted);
    assert_true(encrypted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_joined_and_separated),
        cmocka_unit_test(entities_are_refused),
        cmocka_unit_test(entries),
        cmocka_unit_test(rich_text),
        cmocka_unit_test(kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
