#include "formats/contacts/contacts.h"
#include "tests/test.h"

/* A file under way. */
struct file {
    struct arena arena;
    struct card_reader reader;
    struct card card;
    size_t line;
    const char *why;
};

static void begin(struct file *f, const char *text)
{
    *f = (struct file){.arena = {.max = CARD_ARENA_MAX}};
    assert_null(card_reader_init(&f->reader, slice_text(text)));
}

static enum card_result next(struct file *f)
{
    return card_next(&f->reader, &f->arena, &f->card, &f->line, &f->why);
}

static void end(struct file *f)
{
    assert_int_equal(next(f), CARD_END);
    arena_done(&f->arena);
}

static void cards_of_both_versions_are_read(void **unused)
{
    (void)unused;
    struct file f;

    begin(&f,
          "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Anna Lenz\r\n"
          "item1.EMAIL;TYPE=\"work:a;b\":anna@example.test\r\nEMAIL:lenz@partner.test\r\n"
          "ORG:Example\\, Ltd;Sales\r\nTITLE:Head of\r\n  Sales\r\nTEL;VALUE=uri:tel:+49-30-1\r\n"
          "NOTE:first\\nsecond\\; third\r\nPHOTO:data:image/jpeg;base64,AAAA\r\n BBBB\r\n"
          "END:VCARD\r\n"
          "begin:vcard\nversion:3.0\nN:M\xc3\xbcller;J\xc3\xbcrgen;;;\nemail:j@example.test\n"
          "end:vcard\n");
    assert_int_equal(next(&f), CARD_READ);
    assert_int_equal(f.card.n_addresses, 2);
    assert_slice(f.card.addresses[0], "anna@example.test");
    assert_slice(f.card.name, "Anna Lenz");
    assert_slice(f.card.organisation, "Example, Ltd");
    assert_slice(f.card.title, "Head of Sales");
    assert_slice(f.card.phone, "+49-30-1");
    assert_slice(f.card.note, "first second; third");
    assert_int_equal(next(&f), CARD_READ);
    assert_slice(f.card.name, "J\xc3\xbcrgen M\xc3\xbcller");
    assert_int_equal(f.line, 14);
    end(&f);
}

static void a_broken_card_stops_no_other(void **unused)
{
    (void)unused;
    struct file f;

    begin(&f, "BEGIN:VCARD\nVERSION:3.0\nFN:A\nBEGIN:VCARD\nVERSION:2.1\nFN:B\nEND:VCARD\n"
              "BEGIN:VCARD\nFN;x=\"y\nEND:VCARD\nBEGIN:VCARD\nFN:\xff\nEND:VCARD\n"
              "BEGIN:VCARD\nVERSION:4.0\nFN:C\nEND:VCARD\nBEGIN:VCARD\nFN:D\n");
    assert_int_equal(next(&f), CARD_BROKEN);
    assert_string_equal(f.why, "has a card without an end");
    assert_int_equal(next(&f), CARD_BROKEN);
    assert_non_null(strstr(f.why, "2.1"));
    assert_int_equal(next(&f), CARD_BROKEN);
    assert_int_equal(next(&f), CARD_BROKEN);
    assert_int_equal(next(&f), CARD_READ);
    assert_slice(f.card.name, "C");
    assert_int_equal(next(&f), CARD_BROKEN);
    end(&f);
}

static void tables_are_read_by_their_heads(void **unused)
{
    (void)unused;
    struct file f;

    begin(&f, "\xef\xbb\xbf"
              "First Name,Last Name,E-mail Address,Birthday,Company,Notes\r\n"
              "Anna,Lenz,anna@example.test,1.1.,\"Example, \"\"the\"\" Ltd\",\"two\nlines\"\r\n"
              "Otto,,otto@example.test\r\n");
    assert_int_equal(next(&f), CARD_READ);
    assert_slice(f.card.name, "Anna Lenz");
    assert_slice(f.card.organisation, "Example, \"the\" Ltd");
    assert_slice(f.card.note, "two lines");
    assert_int_equal(next(&f), CARD_READ);
    assert_int_equal(f.line, 4);
    assert_slice(f.card.name, "Otto");
    end(&f);
    begin(&f, "Nachname;Vorname;E-Mail-Adresse\nLenz;Anna;a@example.test\n\"x;y\n");
    assert_int_equal(next(&f), CARD_READ);
    assert_slice(f.card.name, "Anna Lenz");
    assert_int_equal(next(&f), CARD_BROKEN);
    end(&f);
}

static void what_is_neither_is_said(void **unused)
{
    (void)unused;
    struct card_reader r;

    assert_non_null(strstr(card_reader_init(&r, SLICE("name,phone\nx,y\n")), "addresses"));
    assert_non_null(card_reader_init(&r, SLICE("\"address")));
    assert_non_null(card_reader_init(&r, SLICE_NONE));
}

/* Cut at a character, and a table's cell is no formula. */
static void what_is_written_does_no_harm(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 1 << 16};
    struct card c = {.addresses = {SLICE("x@example.test")},
                     .n_addresses = 1,
                     .name = SLICE("=HYPERLINK(\"http://evil.test\")"),
                     .organisation = SLICE("'+1"),
                     .phone = SLICE("+49 30"),
                     .note = SLICE("a\r\nEMAIL:evil@example.test")};
    struct file f = {.arena = {.max = CARD_ARENA_MAX}};

    card_write_heads(&out);
    card_write_row(&out, &c);
    assert_non_null(strstr((char *)out.ptr, "\"'=HYPERLINK(\"\"http"));
    assert_non_null(strstr((char *)out.ptr, "\"''+1\""));
    assert_null(card_reader_init(&f.reader, buf_slice(&out)));
    assert_int_equal(next(&f), CARD_READ);
    assert_slice(f.card.name, "=HYPERLINK(\"http://evil.test\")");
    assert_slice(f.card.organisation, "'+1");
    assert_slice(f.card.phone, "+49 30");
    end(&f);
    buf_reset(&out);
    card_write(&out, &c);
    f = (struct file){.arena = {.max = CARD_ARENA_MAX}};
    assert_null(card_reader_init(&f.reader, buf_slice(&out)));
    assert_int_equal(next(&f), CARD_READ);
    assert_int_equal(f.card.n_addresses, 1);
    assert_slice(f.card.note, "a  EMAIL:evil@example.test");
    end(&f);
}

static void long_texts_are_cut_at_a_character(void **unused)
{
    (void)unused;
    OWN(buf) struct buf text = {.max = 1 << 16};
    struct file f = {.arena = {.max = CARD_ARENA_MAX}};

    buf_add_text(&text, "address,name\nx@y.test,a");
    for (int i = 0; i < 10000; i++) {
        buf_add_text(&text, "\xc3\xbc");
    }
    assert_null(card_reader_init(&f.reader, buf_slice(&text)));
    assert_int_equal(next(&f), CARD_READ);
    assert_int_equal(f.card.name.len, CARD_TEXT_MAX - 1);
    assert_true(slice_is_utf8(f.card.name));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cards_of_both_versions_are_read),
        cmocka_unit_test(a_broken_card_stops_no_other),
        cmocka_unit_test(tables_are_read_by_their_heads),
        cmocka_unit_test(what_is_neither_is_said),
        cmocka_unit_test(what_is_written_does_no_harm),
        cmocka_unit_test(long_texts_are_cut_at_a_character),
    };
    return cmocka_run_group_tests_name("contacts", tests, NULL, NULL);
}
