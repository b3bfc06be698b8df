#include <stdio.h>
#include <zlib.h>

#include "formats/document/pdf.h"
#include "tests/test.h"

static struct pdf_found found;
static char inside[256];

static bool meter(void *left, size_t unpacked)
{
    size_t *bytes = left;

    *bytes -= unpacked < *bytes ? unpacked : *bytes;
    return *bytes > 0;
}

static void take_file(void *left, struct slice name, struct slice bytes)
{
    (void)left;
    (void)snprintf(inside, sizeof(inside), "%.*s: %.*s", SLICE_ARG(name), SLICE_ARG(bytes));
}

/* The document's text with single blanks for white space. */
static const char *read_within(struct slice pdf, size_t limit)
{
    static char text[4096];
    OWN(buf) struct buf out = {.max = PDF_TEXT_MAX};
    const struct pdf_reader reader = {meter, take_file, &limit};
    size_t len = 0;

    text_from_pdf(pdf, &reader, &out, &found);
    for (size_t i = 0; i < out.len && len < sizeof(text) - 2; i++) {
        bool blank = out.ptr[i] <= ' ';
        if (!blank || (len && text[len - 1] != ' ')) {
            text[len++] = blank ? ' ' : (char)out.ptr[i];
        }
    }
    len -= len && text[len - 1] == ' ';
    text[len] = '\0';
    return text;
}

static const char *read_pdf(const char *pdf)
{
    return read_within(slice_text(pdf), 64u << 20);
}

#define FONT "3 0 obj <</Type/Font/Subtype/Type1/Encoding/WinAnsiEncoding>> endobj "
#define HEAD                                                                                       \
    "%PDF-1.4\n" FONT                                                                              \
    "1 0 obj <</Type/Page/Contents 2 0 R/Resources<</Font<</F 3 0 R>>/XObject<</X 4 0 R>>>>>> "    \
    "endobj "
#define CONTENT(operators) "2 0 obj <<>> stream\n" operators "\nendstream endobj "

static void words_by_place(void **unused)
{
    (void)unused;
    assert_string_equal(read_pdf(HEAD CONTENT("BT /F 10 Tf (Hel) Tj (lo) Tj ET")), "Hello");
    assert_string_equal(read_pdf(HEAD CONTENT("BT /F 10 Tf [(Hel)-20(lo)-300(there)] TJ ET")),
                        "Hello there");
    /* Five characters of 500 each, at size 10: the next word begins at 25, or behind it. */
    assert_string_equal(
        read_pdf(HEAD CONTENT("BT /F 10 Tf 0 0 Td (right) Tj 25 0 Td (ly) Tj 15 0 Td (so) Tj ET")),
        "rightly so");
    assert_string_equal(
        read_pdf(HEAD CONTENT("BT /F 10 Tf 12 TL (one) Tj T* (two) Tj (three) ' ET")),
        "one two three");
    assert_string_equal(
        read_pdf(HEAD CONTENT("q 2 0 0 2 0 0 cm BT /F 10 Tf (a) Tj ET Q BT /F 10 Tf "
                              "1 0 0 1 10 0 Tm (b) Tj ET")),
        "ab");
    assert_string_equal(
        read_pdf(HEAD CONTENT("BI /W 1 ID \x01(no) Tj\x02 EI BT /F 1 Tf (yes) Tj ET")), "yes");
    assert_int_equal(found.images, 0);
    assert_string_equal(read_pdf(HEAD CONTENT("BI /W 1 ID \x01 EI ")), "");
    assert_int_equal(found.images, 1);
}

static void characters(void **unused)
{
    (void)unused;
    assert_string_equal(read_pdf(HEAD CONTENT("BT /F 9 Tf (gr\\374n \\(\\200\\)) Tj <fcbe> Tj ET")),
                        "gr\xc3\xbcn (\xe2\x82\xac)\xc3\xbc\xc2\xbe");
    assert_string_equal(
        read_pdf("3 0 obj <</Type/Font/Encoding<</Differences[65/eacute/f_i/uni20AC/B.alt/g7]>>>> "
                 "endobj 1 0 obj <</Type/Page/Contents 2 0 R/Resources<</Font<</F 3 0 R>>>>>> "
                 "endobj " CONTENT("BT /F 9 Tf (ABCDE) Tj ET")),
        "e\xcc\x81"
        "fi\xe2\x82\xac"
        "B");
    assert_int_equal(found.unmapped, 1);
    assert_string_equal(
        read_pdf("3 0 obj <</Type/Font/Subtype/Type0/ToUnicode 4 0 R>> endobj "
                 "4 0 obj <<>> stream\n1 beginbfchar <0001> <00480069> endbfchar 2 beginbfrange "
                 "<0002> <0004> <0061> <0005> <0006> [<d83dde00> <0078>] endbfrange\nendstream "
                 "endobj 1 0 obj <</Type/Page/Contents 2 0 R/Resources<</Font<</F 3 0 R>>>>>> "
                 "endobj " CONTENT("BT /F 9 Tf <0001000200040005000600ff> Tj ET")),
        "Hiac\xf0\x9f\x98\x80x");
    assert_int_equal(found.unmapped, 1);
}

static void texts_outside_of_pages(void **unused)
{
    (void)unused;
    assert_string_equal(read_pdf(HEAD
                                 "5 0 obj <</Title(My \\\nplan)/Producer(no)/Author 6 0 R>> endobj "
                                 "6 0 obj <feff00c4> endobj 7 0 obj <</A<</Contents(note)>>>>"),
                        "My plan \xc3\x84 note");
    (void)read_pdf(HEAD "5 0 obj <</Type/Filespec/UF(a.txt)/EF<</F 6 0 R>>>> endobj "
                        "6 0 obj <<>> stream\nhello\nendstream endobj");
    assert_string_equal(inside, "a.txt: hello\n");
}

static void streams(void **unused)
{
    (void)unused;
    assert_string_equal(
        read_pdf(HEAD
                 "2 0 obj <</Filter[/AHx/A85]>> stream\n"
                 "363c23275c374e615d363c2b5b372440715d3a624443485d2d43267e3e>\nendstream endobj "),
        "chain");
    assert_string_equal(read_pdf(HEAD "2 0 obj <</Filter/ASCIIHexDecode>> stream\n"
                                      "4254202f46203920546620286869292054 6a>\nendstream endobj "),
                        "hi");
    assert_false(found.damaged);
    (void)read_pdf(HEAD "2 0 obj <</Filter/FlateDecode>> stream\nnone\nendstream endobj ");
    assert_true(found.damaged);
    assert_string_equal(read_pdf(HEAD "2 0 obj <</Filter/RL>> stream\n"
                                      "\x0e"
                                      "BT /F 9 Tf (oh)\xff \x01Tj\x80\nendstream endobj "),
                        "oh");
    (void)read_pdf("no document");
    assert_true(found.damaged);
}

static void hostile_documents_end(void **unused)
{
    (void)unused;
    static uint8_t zeros[1 << 20];
    static uint8_t packed[1 << 16];
    static char pdf[1 << 17];
    static const char head_text[] = HEAD;
    uLongf len = sizeof(packed);

    /* A form that draws itself, a value that is itself, a page that is its own parent. */
    (void)read_pdf(HEAD CONTENT("/X Do /X Do") "4 0 obj <</Subtype/Form>> stream\n/X Do /X Do\n"
                                               "endstream endobj");
    assert_true(found.stopped);
    (void)read_pdf(
        "1 0 obj <</Type/Page/Contents 2 0 R/Parent 1 0 R>> endobj 2 0 obj 2 0 R endobj");
    assert_int_equal(found.pages, 1);

    /* A stream that unpacks to more than may be unpacked. */
    assert_int_equal(compress(packed, &len, zeros, sizeof(zeros)), Z_OK);
    size_t head = (size_t)snprintf(
        pdf, sizeof(pdf), "%s2 0 obj <</Filter/FlateDecode/Length %lu>> stream\n", head_text, len);
    (void)memcpy(pdf + head, packed, len);
    (void)read_within(slice_of(pdf, head + len), 1u << 18);
    assert_true(found.stopped);
    (void)read_within(slice_of(pdf, head + len), 64u << 20);
    assert_false(found.stopped);

    /* Deeper than anything is followed. */
    (void)memset(pdf, '[', sizeof(pdf));
    (void)memcpy(pdf, "1 0 obj ", 8);
    (void)read_within(slice_of(pdf, sizeof(pdf)), 64u << 20);
    assert_true(found.damaged);
}

static void encrypted_documents_are_not_read(void **unused)
{
    (void)unused;
    assert_string_equal(read_pdf(HEAD CONTENT("BT /F 9 Tf (x) Tj ET") "trailer <</Encrypt 9 0 R>>"),
                        "");
    assert_true(found.encrypted);
    assert_string_equal(
        read_pdf(HEAD CONTENT("BT /F 9 Tf (/Encrypt) Tj ET") "trailer <</Root 9 0 R>>"),
        "/Encrypt");
    assert_false(found.encrypted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_by_place),
        cmocka_unit_test(characters),
        cmocka_unit_test(texts_outside_of_pages),
        cmocka_unit_test(streams),
        cmocka_unit_test(hostile_documents_end),
        cmocka_unit_test(encrypted_documents_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
