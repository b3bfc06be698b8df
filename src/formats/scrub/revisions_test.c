#include "formats/scrub/revisions.h"
#include "tests/test.h"

#define W      "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\">"
#define END    "</w:document>"
#define P(x)   "<w:p>" x "</w:p>"
#define R(x)   "<w:r><w:t>" x "</w:t></w:r>"
#define WHO    " w:id=\"1\" w:author=\"Anna Lenz\" w:date=\"2026-01-01T00:00:00Z\""
#define GONE   "<w:pPr><w:rPr><w:del" WHO "/></w:rPr></w:pPr>"
#define LEFT   "<w:pPr><w:rPr></w:rPr></w:pPr>"
#define ROW(x) "<w:tr>" x "<w:tc>" P("") "</w:tc></w:tr>"

static void check(const struct revision_kind *kind, const char *part, const char *expected,
                  const char *words)
{
    OWN(buf) struct buf out = {.max = 1 << 20};
    OWN(buf) struct buf what = {.max = 300};
    bool done = revisions_accept(slice_text(part), kind, &out, &what);

    assert_int_equal(done, expected != NULL);
    if (expected) {
        assert_slice(buf_slice(&out), expected);
        assert_slice(buf_slice(&what), words);
    }
}

static void changes_of_a_text_are_accepted(void **unused)
{
    (void)unused;
    const struct revision_kind *k = &revision_word;

    check(k, W P(R("a<b")) END, NULL, NULL);
    check(k, W P(R("a &lt; b")) "<!-- x > y -->" END, W P(R("a &lt; b")) "<!-- x > y -->" END, "");
    check(k,
          W P("<w:ins" WHO ">" R("new") "</w:ins><w:del" WHO
                                        "><w:r><w:delText>old</w:delText></w:r></w:del>" R("x"))
              END,
          W P(R("new") R("x")) END, "tracked changes");
    check(k,
          W P("<w:moveFrom" WHO ">" R("a") "</w:moveFrom>" R("b") "<w:moveTo" WHO
                                                                  ">" R("a") "</w:moveTo>") END,
          W P(R("b") R("a")) END, "tracked changes");
    check(k,
          W P("<w:r><w:rPr><w:b/><w:rPrChange" WHO
              "><w:rPr><w:i/></w:rPr></w:rPrChange></w:rPr></w:r>") END,
          W P("<w:r><w:rPr><w:b/></w:rPr></w:r>") END, "tracked changes");
    check(k, W "<w:p w:rsidR=\"00A1\" w14:paraId='77' w:rsidRDefault=\"00A2\">" R("x") "</w:p>" END,
          W "<w:p w14:paraId='77'>" R("x") "</w:p>" END, "revision marks");
    check(k,
          W P("<w:commentRangeStart w:id=\"0\"/>" R(
              "x") "<w:commentRangeEnd w:id=\"0\"/><w:r><w:commentReference w:id=\"0\"/></w:r>")
              END,
          W P(R("x") "<w:r></w:r>") END, "comments");
}

static void a_text_from_a_property_stays(void **unused)
{
    (void)unused;
    check(&revision_word,
          W
          "<w:sdt><w:sdtPr><w:dataBinding w:xpath=\"/x\"/></w:sdtPr>" P(R("Title")) "</w:sdt>" END,
          W "<w:sdt><w:sdtPr></w:sdtPr>" P(R("Title")) "</w:sdt>" END, "document properties");
}

static void what_is_deleted_whole_goes_whole(void **unused)
{
    (void)unused;
    const struct revision_kind *k = &revision_word;

    check(k, W P(R("a")) P(GONE "<w:del" WHO ">" R("b") "</w:del>") P(R("c")) END,
          W P(R("a")) P(R("c")) END, "tracked changes");
    check(k, W P(GONE R("a")) P(R("b")) END, W P(LEFT R("a")) P(R("b")) END, "tracked changes");
    check(k, W "<w:tc>" P(GONE) "</w:tc>" END, W "<w:tc>" P(LEFT) "</w:tc>" END, "tracked changes");
    check(k, W "<w:footnote>" P(GONE) "</w:footnote>" END,
          W "<w:footnote>" P(LEFT) "</w:footnote>" END, "tracked changes");
    check(k, W "<w:body>" P(GONE) "<w:sectPr/></w:body>" END, W "<w:body><w:sectPr/></w:body>" END,
          "tracked changes");
    check(k, W "<w:tbl>" ROW("<w:trPr><w:del" WHO "/></w:trPr>") ROW("") "</w:tbl>" END,
          W "<w:tbl>" ROW("") "</w:tbl>" END, "tracked changes");
    check(k, W "<w:tbl>" ROW("<w:trPr><w:del" WHO "/></w:trPr>") "</w:tbl>" P("") END, W P("") END,
          "tracked changes");
    check(k, W "<w:tbl><w:tblPr/></w:tbl>" END, W "<w:tbl><w:tblPr/></w:tbl>" END, "");
}

static void what_cannot_be_read_is_left_alone(void **unused)
{
    (void)unused;
    static const char *const parts[] = {
        W,
        W P("<w:ins>") END,
        W "<w:p",
        W "<w:p a=\"" END,
        W "</w:p>" END,
        "<!DOCTYPE x>" W END,
        W "<![CDATA[" END,
        "<x:document xmlns:x=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"/>",
        "<x:document xmlns:x='http://schemas.openxmlformats.org/wordprocessingml/2006/main'/>",
        W "<w:tcPr><w:cellDel" WHO "/></w:tcPr>" END,
        "<>",
        "<",
        "< a>"};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        check(&revision_word, parts[i], NULL, NULL);
    }
    OWN(buf) struct buf deep = {.max = 1 << 20};
    for (int i = 0; i < 1000; i++) {
        buf_add_text(&deep, "<a>");
    }
    buf_add_byte(&deep, '\0');
    check(&revision_word, (const char *)deep.ptr, NULL, NULL);
}

static void an_opendocument_text_too(void **unused)
{
    (void)unused;
    check(&revision_odf,
          "<o><text:tracked-changes><text:changed-region><office:change-info><dc:creator>Anna "
          "Lenz</dc:creator></office:change-info>"
          "</text:changed-region></text:tracked-changes><text:p>a<text:change "
          "text:change-id=\"c\"/>b<office:annotation><dc:creator>"
          "Anna</dc:creator></office:annotation></text:p><style officeooo:rsid=\"1\" x=\"2\"/></o>",
          "<o><text:p>ab</text:p><style x=\"2\"/></o>",
          "tracked changes, comments, revision marks");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_of_a_text_are_accepted),
        cmocka_unit_test(a_text_from_a_property_stays),
        cmocka_unit_test(what_is_deleted_whole_goes_whole),
        cmocka_unit_test(what_cannot_be_read_is_left_alone),
        cmocka_unit_test(an_opendocument_text_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
