#include "formats/mail/facts.h"
#include "formats/mail/header.h"
#include "formats/mail/structure.h"
#include "tests/test.h"

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

static void fields_have_exact_ranges(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct slice letter = SLICE("From: a@x.test\r\n"
                                "subject:\tone\r\n two\r\n\tthree\r\n"
                                "X-Empty:\r\n"
                                "\r\n"
                                "body\r\n");
    struct mail_header h;

    mail_header_read(letter, &limits, false, &a, &h);
    assert_int_equal(h.defect, MAIL_SOUND);
    assert_int_equal(h.n_fields, 3);
    assert_slice(h.fields[0].raw, "From: a@x.test\r\n");
    assert_int_equal(h.fields[1].name, MAIL_SUBJECT);
    assert_slice(h.fields[1].label, "subject");
    assert_slice(h.fields[1].value, "\tone\r\n two\r\n\tthree");
    assert_slice(h.fields[1].raw, "subject:\tone\r\n two\r\n\tthree\r\n");
    assert_int_equal(h.fields[2].name, MAIL_OTHER);
    assert_slice(h.fields[2].value, "");
    assert_slice(h.body, "body\r\n");
    assert_ptr_equal(h.bytes.ptr, letter.ptr);
    assert_int_equal(h.bytes.len + 2 + h.body.len, letter.len);
    assert_ptr_equal(mail_header_find(&h, MAIL_FROM), &h.fields[0]);
    assert_null(mail_header_find(&h, MAIL_SENDER));
}

static void a_letter_may_be_all_header(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct mail_header h;

    mail_header_read(SLICE("From: a@x.test\r\n"), &limits, false, &a, &h);
    assert_int_equal(h.defect, MAIL_SOUND);
    assert_int_equal(h.n_fields, 1);
    assert_int_equal(h.body.len, 0);
    mail_header_read(SLICE("\r\nbody\r\n"), &limits, false, &a, &h);
    assert_int_equal(h.n_fields, 0);
    assert_slice(h.body, "body\r\n");
    mail_header_read(SLICE_NONE, &limits, false, &a, &h);
    assert_int_equal(h.n_fields, 0);
}

static void defects_are_named(void **unused)
{
    (void)unused;

    static const struct {
        struct slice letter;
        enum mail_defect plain;
        enum mail_defect utf8; /* the same with SMTPUTF8 */
        size_t line;
        const char *label;
    } cases[] = {
        {SLICE_INIT("A: b\r\nhello world\r\n\r\n"),      MAIL_MALFORMED_LINE,     MAIL_MALFORMED_LINE,     2,
         ""                                                                                                       },
        {SLICE_INIT("From a@b Mon Jan 1\r\nA: b\r\n"),   MAIL_MALFORMED_LINE,     MAIL_MALFORMED_LINE,     1,
         ""                                                                                                       },
        {SLICE_INIT(" A: b\r\n\r\n"),                    MAIL_MALFORMED_LINE,     MAIL_MALFORMED_LINE,     1, ""  },
        {SLICE_INIT(": b\r\n\r\n"),                      MAIL_MALFORMED_LINE,     MAIL_MALFORMED_LINE,     1, ""  },
        {SLICE_INIT("A\xc3\xa4: b\r\n"),                 MAIL_MALFORMED_LINE,     MAIL_MALFORMED_LINE,     1, ""  },
        {SLICE_INIT("A: 1\r\nB : 2\r\n"),                MAIL_SPACE_BEFORE_COLON, MAIL_SPACE_BEFORE_COLON, 2, "B" },
        {SLICE_INIT("A: 1\r\n \t\r\nFrom: x\r\n"),       MAIL_BLANK_CONTINUATION, MAIL_BLANK_CONTINUATION,
         2,                                                                                                   "A" },
        {SLICE_INIT("To: 1\r\nX: 1\r\n 2\r\ntO: 2\r\n"), MAIL_REPEATED_FIELD,     MAIL_REPEATED_FIELD,
         4,                                                                                                   "tO"},
        {SLICE_INIT("Received: 1\r\nReceived: 2\r\n"),   MAIL_SOUND,              MAIL_SOUND,              0, ""  },
        {SLICE_INIT("A: \xc3\xa4\r\n"),                  MAIL_RAW_EIGHT_BIT,      MAIL_SOUND,              1, "A" },
        {SLICE_INIT("A: \xe4\r\n"),                      MAIL_RAW_EIGHT_BIT,      MAIL_NOT_UTF8,           1, "A" },
        {SLICE_INIT("A: x\ry\r\n"),                      MAIL_CONTROL_BYTE,       MAIL_CONTROL_BYTE,       1, "A" },
        {SLICE_INIT("A: x\nB: y\r\n"),                   MAIL_CONTROL_BYTE,       MAIL_CONTROL_BYTE,       1, "A" },
        {SLICE_INIT("A: x\r\n\nB: y\r\n"),               MAIL_CONTROL_BYTE,       MAIL_CONTROL_BYTE,       2, ""  },
        {SLICE_INIT("A: x\0y\r\n"),                      MAIL_CONTROL_BYTE,       MAIL_CONTROL_BYTE,       1, "A" },
        {SLICE_INIT("A: x\x0b"
                    "From: y\r\n"),
         MAIL_CONTROL_BYTE,                                                       MAIL_CONTROL_BYTE,       1, "A" },
        {SLICE_INIT("A: x\r\n\x1c y\r\n"),               MAIL_CONTROL_BYTE,       MAIL_CONTROL_BYTE,       2, ""  },
        {SLICE_INIT("A: x\ty\r\n\tz\r\n"),               MAIL_SOUND,              MAIL_SOUND,              0, ""  },
        {SLICE_INIT("A: x\xc2\x85"
                    "From: y\r\n"),
         MAIL_RAW_EIGHT_BIT,                                                      MAIL_CONTROL_BYTE,       1, "A" },
        {SLICE_INIT("A: x\xe2\x80\xa8"
                    "From: y\r\n"),
         MAIL_RAW_EIGHT_BIT,                                                      MAIL_CONTROL_BYTE,       1, "A" },
        {SLICE_INIT("A: x"),                             MAIL_CONTROL_BYTE,       MAIL_CONTROL_BYTE,       1, "A" },
    };
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct mail_header h;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        mail_header_read(cases[i].letter, &limits, false, &a, &h);
        assert_int_equal(h.defect, cases[i].plain);
        if (h.defect != MAIL_SOUND) {
            assert_int_equal(h.defect_line, cases[i].line);
            assert_slice(h.defect_label, cases[i].label);
        }
        mail_header_read(cases[i].letter, &limits, true, &a, &h);
        assert_int_equal(h.defect, cases[i].utf8);
        arena_reset(&a);
    }
}

static void limits_stop_the_reading(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct slice letter = SLICE("A: 1\r\nB: 123456789\r\nC: 1\r\n\r\n");
    struct mail_limits small = limits;
    struct mail_header h;

    small.fields = 2;
    mail_header_read(letter, &small, false, &a, &h);
    assert_int_equal(h.defect, MAIL_FIELDS_MANY);
    assert_int_equal(h.n_fields, 2);
    small = limits;
    small.field_bytes = 13;
    mail_header_read(letter, &small, false, &a, &h);
    assert_int_equal(h.defect, MAIL_FIELD_LONG);
    assert_int_equal(h.n_fields, 1);
    small.field_bytes = 14;
    mail_header_read(letter, &small, false, &a, &h);
    assert_int_equal(h.defect, MAIL_SOUND);
    small.header_bytes = 25;
    mail_header_read(letter, &small, false, &a, &h);
    assert_int_equal(h.defect, MAIL_HEADER_LONG);
    small.header_bytes = 26;
    mail_header_read(letter, &small, false, &a, &h);
    assert_int_equal(h.defect, MAIL_SOUND);
    small.line_bytes = 11;
    mail_header_read(letter, &small, false, &a, &h);
    assert_int_equal(h.defect, MAIL_LINE_LONG);
    assert_int_equal(h.n_fields, 3);
}

static enum mail_defect judge(struct slice letter, struct mail_structure *s)
{
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct mail_limits small = limits;
    struct mail_header h;

    small.line_bytes = 20;
    small.letter_bytes = 100;
    mail_header_read(letter, &small, false, &a, &h);
    bool sound = mail_structure_judge(letter, &h, &small, s);
    assert_int_equal(sound, s->defect == MAIL_SOUND);
    return s->defect;
}

static void bodies_are_judged_by_line(void **unused)
{
    (void)unused;
    struct mail_structure s;

    assert_int_equal(judge(SLICE("A: b\r\n\r\none\r\ntwelve bytes\r\n"), &s), MAIL_SOUND);
    assert_int_equal(s.longest_line, 12);
    assert_false(s.body_eight_bit);
    assert_int_equal(judge(SLICE("A: b\r\n\r\n\xe4\r\n"), &s), MAIL_SOUND);
    assert_true(s.body_eight_bit);
    assert_int_equal(judge(SLICE("A: b\r\n\r\n01234567\xe4"
                                 "1234567\r\n"),
                           &s),
                     MAIL_SOUND);
    assert_true(s.body_eight_bit);
    assert_int_equal(judge(SLICE("A: b\r\n\r\n01234567890123456789\r\n"), &s), MAIL_SOUND);
    assert_int_equal(judge(SLICE("A: b\r\n\r\n\r\n012345678901234567890\r\n"), &s), MAIL_LINE_LONG);
    assert_int_equal(s.line, 4);
    assert_int_equal(judge(SLICE("A: b\r\n\r\nx\ny\r\n"), &s), MAIL_CONTROL_BYTE);
    assert_int_equal(s.line, 3);
    assert_int_equal(judge(SLICE("A: b\r\n\r\n\n.\n"), &s), MAIL_CONTROL_BYTE);
    assert_int_equal(judge(SLICE("A: b\r\n\r\nx\r.\r\r\n"), &s), MAIL_CONTROL_BYTE);
    assert_int_equal(judge(SLICE("A: b\r\n\r\nx\r\ny\0z\r\n"), &s), MAIL_CONTROL_BYTE);
    assert_int_equal(s.line, 4);
    assert_int_equal(judge(SLICE("A: b\r\n\r\nx"), &s), MAIL_CONTROL_BYTE);
    assert_int_equal(judge(SLICE("A: b\r\n\r\nx\r"), &s), MAIL_CONTROL_BYTE);
    static const uint8_t long_letter[101];
    assert_int_equal(judge(SLICE_ARRAY(long_letter), &s), MAIL_LETTER_LONG);
}

static void refusals_have_sentences(void **unused)
{
    (void)unused;
    struct mail_structure s;
    char text[MAIL_SENTENCE_MAX];

    (void)judge(SLICE("To: a\r\nTo: b\r\n\r\n"), &s);
    mail_structure_sentence(&s, &limits, text);
    assert_string_equal(text, "The To field occurs more than once, so that programs would show "
                              "different ones (line 2).");
    assert_string_equal(mail_defect_code(s.defect), "5.6.0");
    (void)judge(SLICE("hello\r\n"), &s);
    mail_structure_sentence(&s, &limits, text);
    assert_string_equal(text, "The letter's header holds something that is not a header field; an "
                              "empty line must stand between header and text (line 1).");
    (void)judge(SLICE("To: a\r\n\r\nx\ny\r\n"), &s);
    mail_structure_sentence(&s, &limits, text);
    assert_string_equal(
        text, "The letter holds a control character or a line that does not end with CR LF "
              "(line 3).");
}

static void facts_are_read(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct mail_header h;
    struct mail_facts f;

    mail_header_read(SLICE("From: Alice <alice@x.test>\r\n"
                           "To: bob@y.test, =?utf-8?q?J=C3=BCrgen?= <j@z.test>\r\n"
                           "Bcc: secret@x.test\r\n"
                           "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n"
                           "Date: Tue, 24 Nov 2026 08:30:00 +0100\r\n"
                           "Message-ID: <1@x.test>\r\n\r\n"),
                     &limits, false, &a, &h);
    mail_facts_read(&h, false, &a, &f);
    assert_slice(f.subject, "Gr\xc3\xbc\xc3\x9f"
                            "e");
    assert_int_equal(f.from.count, 1);
    assert_slice(f.from.items[0].name, "Alice");
    assert_int_equal(f.to.count, 2);
    assert_slice(f.to.items[1].name, "J\xc3\xbcrgen");
    assert_int_equal(f.cc.count, 0);
    assert_slice(f.bcc.items[0].local, "secret");
    assert_true(f.has_date);
    assert_true(f.date_ms == 1795505400000);
    assert_slice(f.message_id, "<1@x.test>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_have_exact_ranges),
        cmocka_unit_test(a_letter_may_be_all_header),
        cmocka_unit_test(defects_are_named),
        cmocka_unit_test(limits_stop_the_reading),
        cmocka_unit_test(bodies_are_judged_by_line),
        cmocka_unit_test(refusals_have_sentences),
        cmocka_unit_test(facts_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
