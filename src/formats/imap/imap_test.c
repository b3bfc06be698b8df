#include "formats/imap/imap.h"
#include "tests/test.h"

static struct imap_reader reader;

static void tell_response(const struct imap_response *r, struct buf *out)
{
    static const char *const kinds[] = {"other", "ok",  "no",     "bad",    "bye",    "preauth",
                                        "+",     "cap", "exists", "folder", "fetched"};

    buf_printf(out, "%s %u %u", kinds[r->kind], (unsigned)r->tag, (unsigned)r->number);
    if (r->kind == IMAP_FOLDER) {
        buf_printf(out, " %.*s %c%s%s", SLICE_ARG(r->folder.name), r->folder.delimiter,
                   r->folder.sent ? " sent" : "", r->folder.noselect ? " noselect" : "");
    } else if (r->kind == IMAP_FETCHED) {
        buf_printf(out, " uid %u size %u date %lld (%.*s) %d %d %.*s", (unsigned)r->letter.uid,
                   (unsigned)r->letter.size, (long long)r->letter.date_ms,
                   SLICE_ARG(r->letter.flags), r->letter.has_body, r->letter.streamed,
                   SLICE_ARG(r->letter.body));
    } else {
        buf_printf(out, " %u %u %.*s", r->code, r->capabilities, SLICE_ARG(r->text));
    }
}

/* What a text comes out as, the letters' octets in <>. `step` octets are given at a time. */
static void tell(const char *text, size_t len, size_t step, struct buf *out)
{
    struct slice all = slice_of(text, len);
    struct imap_response r;
    struct slice run;

    imap_reader_init(&reader);
    while (all.len) {
        struct slice in = slice_head(all, step);
        size_t before = in.len;
        enum imap_got got = imap_reader_next(&reader, &in, &run, &r);
        all = slice_from(all, before - in.len);
        if (got == IMAP_BROKEN) {
            buf_add_text(out, "broken");
            return;
        }
        if (got == IMAP_BODY) {
            buf_printf(out, "<%.*s>", SLICE_ARG(run));
        }
        if (got == IMAP_RESPONSE) {
            tell_response(&r, out);
            buf_add_byte(out, '|');
        }
    }
}

#define TELLS(text, expected)                                                                      \
    do {                                                                                           \
        OWN(buf) struct buf out_ = {.max = 4096};                                                  \
        tell(text, sizeof(text) - 1, sizeof(text), &out_);                                         \
        assert_slice(buf_slice(&out_), expected);                                                  \
    } while (0)

static void statuses_are_read(void **unused)
{
    (void)unused;
    TELLS("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n", "ok 0 0 3 13 ready|");
    TELLS("* CAPABILITY IMAP4rev1 AUTH=xoauth2\r\n", "cap 0 0 0 10 |");
    TELLS("+ \r\n", "+ 0 0 0 0 |");
    TELLS("+\r\n", "+ 0 0 0 0 |");
    TELLS("* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4294967295] y\r\n* 12 EXISTS\r\n",
          "ok 0 7 1 0 x|ok 0 4294967295 2 0 y|exists 0 12 0 0 |");
    TELLS("a1 OK done\r\na22 NO [UNAVAILABLE] try {5}\r\na3 BAD\r\n* BYE\r\n* PREAUTH hi\r\n",
          "ok 1 0 0 0 done|no 22 0 3 0 try {5}|bad 3 0 0 0 |bye 0 0 0 0 |preauth 0 0 0 0 hi|");
    TELLS("* FLAGS (\\Seen)\r\n* 1 RECENT\r\n* SEARCH 1 2\r\n",
          "other 0 0 0 0 |other 0 1 0 0 |other 0 0 0 0 |");
}

static void what_is_no_imap_breaks_the_reader(void **unused)
{
    (void)unused;
    TELLS("HTTP/1.1 400 Bad Request\r\n", "broken");
    TELLS("* OK x\n", "broken");
    TELLS("* OK x\0y\r\n", "broken");
    TELLS("b1 OK x\r\n", "broken");
    TELLS("a0 OK x\r\n", "broken");
    TELLS("a1 BYE x\r\n", "broken");
    TELLS("* OK [UIDVALIDITY 0] x\r\n", "broken");
    TELLS("* 1 FETCH (UID 0)\r\n", "broken");
    TELLS("* 1 FETCH (UID 4294967296)\r\n", "broken");
    TELLS("* 1 FETCH (UID 1\r\n", "broken");
    TELLS("* 1 FETCH (FLAGS (((((((((((((((((((((((((((((((((((\r\n", "broken");
    TELLS("* LIST () \"/\" {9000}\r\n", "broken");
    TELLS("* 1 FETCH (BODY[] {1}\r\nx BODY[] {1}\r\ny)\r\n", "<x>broken");
    TELLS("* LIST () \"/\" \"a\r\n", "broken");
}

static void letters_stream_past(void **unused)
{
    (void)unused;
    TELLS("* 3 FETCH (UID 9 RFC822.SIZE 44 INTERNALDATE \" 5-Jan-2026 09:00:00 +0100\" FLAGS "
          "(\\Seen $X))\r\n",
          "fetched 0 0 uid 9 size 44 date 1767600000000 (\\Seen $X) 0 0 |");
    TELLS("* 3 FETCH (BODY[] {6}\r\na\r\n{5}\n UID 9 FLAGS ())\r\na1 OK\r\n", "<a\r\n{5}>broken");
    TELLS("* 3 FETCH (BODY[] {8}\r\na\r\n{5}\r\n UID 9 FLAGS ())\r\na1 OK\r\n",
          "<a\r\n{5}\r\n>fetched 0 0 uid 9 size 0 date 0 () 1 1 |ok 1 0 0 0 |");
    TELLS("* 3 FETCH (UID 9 BODY[] {0}\r\n)\r\n", "fetched 0 0 uid 9 size 0 date 0 () 1 1 |");
    TELLS("* 3 FETCH (UID 9 BODY[] NIL)\r\n", "fetched 0 0 uid 9 size 0 date 0 () 0 0 NIL|");
    TELLS("* 3 FETCH (UID 9 BODY[] \"a\\\"b\")\r\n",
          "fetched 0 0 uid 9 size 0 date 0 () 1 0 a\"b|");
    TELLS("* 3 fetch (modseq (12) x-gm (a (b {3}\r\n)\r\n) \"c\") uid 9)\r\n",
          "fetched 0 0 uid 9 size 0 date 0 () 0 0 |");
    TELLS("* 3 FETCH (X-BODY[] {9}\r\n123456789 UID 4)\r\n",
          "fetched 0 0 uid 4 size 0 date 0 () 0 0 |");
}

static void folders_are_listed(void **unused)
{
    (void)unused;
    TELLS("* LIST (\\HasNoChildren \\Sent) \"/\" \"Gesendete &AMQ-\"\r\n",
          "folder 0 0 Gesendete &AMQ- / sent|");
    TELLS("* LIST (\\Noselect) \".\" {5}\r\nSe\"nt\r\n", "folder 0 0 Se\"nt . noselect|");
    TELLS("* LIST () \"/\" INBOX\r\n", "folder 0 0 INBOX /|");
}

static void any_split_tells_the_same(void **unused)
{
    static const char text[] = "* OK [CAPABILITY SASL-IR] hi\r\n* LIST () \".\" {3}\r\na b\r\n"
                               "* 1 FETCH (UID 1 BODY[] {6}\r\n\r\n{2}\r FLAGS (\\Seen))\r\n"
                               "a1 OK done\r\n";
    (void)unused;
    for (size_t step = 1; step < sizeof(text); step++) {
        OWN(buf) struct buf out = {.max = 4096};
        OWN(buf) struct buf one = {.max = 4096};
        tell(text, sizeof(text) - 1, step, &out);
        for (size_t i = 0; i < out.len; i++) { /* runs of a letter side by side are one */
            if (i + 1 < out.len && out.ptr[i] == '>' && out.ptr[i + 1] == '<') {
                i++;
            } else {
                buf_add_byte(&one, out.ptr[i]);
            }
        }
        assert_slice(buf_slice(&one),
                     "ok 0 0 3 12 hi|folder 0 0 a b .|<\r\n{2}\r>"
                     "fetched 0 0 uid 1 size 0 date 0 (\\Seen) 1 1 |ok 1 0 0 0 done|");
    }
}

static void too_much_is_refused(void **unused)
{
    OWN(buf) struct buf in = {.max = 1 << 17};
    OWN(buf) struct buf out = {.max = 4096};
    (void)unused;
    buf_add_text(&in, "* OK ");
    for (int i = 0; i < IMAP_TEXT_MAX; i++) {
        buf_add_byte(&in, 'x');
    }
    tell((const char *)in.ptr, in.len, 100, &out);
    assert_slice(buf_slice(&out), "broken");
}

#define SAYS(call, expected)                                                                       \
    do {                                                                                           \
        OWN(buf) struct buf out = {.max = 4096};                                                   \
        call;                                                                                      \
        assert_slice(buf_slice(&out), expected);                                                   \
    } while (0)

static void commands_are_said(void **unused)
{
    (void)unused;
    SAYS(imap_say(&out, 1, "CAPABILITY"), "a1 CAPABILITY\r\n");
    SAYS(imap_say_authenticate(&out, 2, "PLAIN", SLICE("\0tim\0tanstaaftanstaaf"), true),
         "a2 AUTHENTICATE PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n");
    SAYS(imap_say_authenticate(&out, 2, "PLAIN", SLICE("x"), false), "a2 AUTHENTICATE PLAIN\r\n");
    SAYS(imap_say_answer(&out, SLICE("x")), "eA==\r\n");
    SAYS(imap_say_answer(&out, SLICE_NONE), "\r\n");
    SAYS(imap_xoauth2(&out, SLICE("u@x"), SLICE("tok")), "user=u@x\001auth=Bearer tok\001\001");
    SAYS(imap_say_examine(&out, 3, SLICE("a\"b\\c\r\nd")), "a3 EXAMINE \"a\\\"b\\\\c??d\"\r\n");
    SAYS(imap_say_list(&out, 4, 1, 4294967295U),
         "a4 UID FETCH 1:4294967295 (UID RFC822.SIZE INTERNALDATE FLAGS)\r\n");
    SAYS(imap_say_fetch(&out, 5, 7), "a5 UID FETCH 7 (UID BODY.PEEK[])\r\n");
    SAYS(imap_say_fetch_last(&out, 9), "a9 UID FETCH * (UID BODY.PEEK[])\r\n");
}

static void names_are_written_as_on_the_wire(void **unused)
{
    static const struct {
        const char *name, *wire;
    } both[] = {
        {"Sent Items",                   "Sent Items"                     },
        {"A & B",                        "A &- B"                         },
        {"Éléments envoyés",          "&AMk-l&AOk-ments envoy&AOk-s"   },
        {"~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
        {"Gesendet 😀",                "Gesendet &2D3eAA-"              },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
        OWN(buf) struct buf wire = {.max = 256};
        OWN(buf) struct buf name = {.max = 256};
        assert_true(imap_name_encode(slice_text(both[i].name), &wire));
        assert_slice(buf_slice(&wire), both[i].wire);
        imap_name_decode(buf_slice(&wire), &name);
        assert_slice(buf_slice(&name), both[i].name);
    }
    SAYS(imap_name_decode(SLICE("a&b"), &out), "a&b");
    SAYS(imap_name_decode(SLICE("a&*-b"), &out), "a&*-b");
    SAYS(imap_name_decode(SLICE("&2D0-x"), &out), "&2D0-x"); /* half a pair */
    SAYS(assert_false(imap_name_encode(SLICE("a\nb"), &out)), "a");
    SAYS(assert_false(imap_name_encode(SLICE("a\xff"), &out)), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statuses_are_read),
        cmocka_unit_test(what_is_no_imap_breaks_the_reader),
        cmocka_unit_test(letters_stream_past),
        cmocka_unit_test(folders_are_listed),
        cmocka_unit_test(any_split_tells_the_same),
        cmocka_unit_test(too_much_is_refused),
        cmocka_unit_test(commands_are_said),
        cmocka_unit_test(names_are_written_as_on_the_wire),
    };
    return cmocka_run_group_tests_name("formats/imap", tests, NULL, NULL);
}
