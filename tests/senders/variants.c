#include "tests/senders/variants.h"

/* ── chance ── */

struct maker {
    uint64_t state;
    struct buf *out;
};

/* splitmix64 */
static uint64_t next(struct maker *m)
{
    m->state += 0x9e3779b97f4a7c15u;
    uint64_t z = m->state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(struct maker *m, size_t n)
{
    return (size_t)(next(m) % n);
}

static bool once_in(struct maker *m, size_t n)
{
    return below(m, n) == 0;
}

#define S(text)       SLICE_INIT(text)
#define PICK(m, list) ((list)[below((m), sizeof(list) / sizeof((list)[0]))])

/* ── addresses ── */

static const struct slice usual_locals[] = {S("anna"),  S("anna"), S("anna"),     S("info"),
                                            S("board"), S("ceo"),  S("anna+shop")};
static const struct slice odd_locals[] = {S("Anna"),
                                          S("ANNA"),
                                          S("\"anna\""),
                                          S("\"an\\na\""),
                                          S("anna."),
                                          S(".anna"),
                                          S("an.na"),
                                          S("ann\xd0\xb0"),
                                          S("an na"),
                                          S("anna(c)"),
                                          S("(c)anna"),
                                          S("=?utf-8?q?anna?="),
                                          S("ceo%example.test"),
                                          S("anna\0ceo"),
                                          S("\"ceo@example.test\""),
                                          S("anna+private"),
                                          S("anna+private+x"),
                                          S("board+x"),
                                          S("anna+"),
                                          S("+anna"),
                                          S("\"anna+a b\""),
                                          S("anna!ceo"),
                                          S("\"anna\r\n \""),
                                          S("'anna'"),
                                          S("\"\""),
                                          S(""),
                                          S("anna\\"),
                                          S("a\xc2\xa0nna"),
                                          S("anna=ceo")};
static const struct slice ats[] = {
    S(" @"),           S("@ "),           S(" @ "), S("(x)@"),  S("@(x)"), S("\r\n @"), S("@\r\n "),
    S("\xef\xbc\xa0"), S("\xef\xb9\xab"), S("@@"),  S("@ceo@"), S("\\@"),  S("@\0"),    S("")};
static const struct slice odd_domains[] = {S("Example.TEST"),
                                           S("example.test."),
                                           S("ex\xd0\xb0mple.test"),
                                           S("xn--xample-9uf.test"),
                                           S("example\xe3\x80\x82test"),
                                           S("exam\xc2\xadple.test"),
                                           S("evil.test"),
                                           S("[127.0.0.1]"),
                                           S("example.test(c)"),
                                           S("example .test"),
                                           S("example. test"),
                                           S("example.(c)test"),
                                           S("sub.example.test"),
                                           S("example.test\x0b"),
                                           S("example.test;"),
                                           S("=?utf-8?q?example.test?="),
                                           S("\xef\xbd\x85xample.test"),
                                           S("example.test\xe2\x80\x8b"),
                                           S("example"),
                                           S("")};

static void add_address(struct maker *m)
{
    bool odd = once_in(m, 6);

    buf_add(m->out, odd && once_in(m, 2) ? PICK(m, odd_locals) : PICK(m, usual_locals));
    buf_add(m->out, odd && once_in(m, 3) ? PICK(m, ats) : SLICE("@"));
    buf_add(m->out, odd && once_in(m, 2) ? PICK(m, odd_domains) : SLICE("example.test"));
}

/* ── names ── */

static const struct slice names[] = {S("Anna"),
                                     S("Anna B."),
                                     S("Chief Executive"),
                                     S("The Board"),
                                     S("Anna \xc3\x84rmel"),
                                     S(""),
                                     S("Support @ Example"),
                                     S("Anna (R&D)"),
                                     S("O'Hara"),
                                     S("ceo@example.test"),
                                     S("anna@example.test"),
                                     S("board@example.test"),
                                     S("ceo @ example.test"),
                                     S("ceo(at)example.test"),
                                     S("ceo@example\xe3\x80\x82test"),
                                     S("ceo\xef\xbc\xa0"
                                       "example.test"),
                                     S("\xe2\x80\xaetset.elpmaxe@oec"),
                                     S("<ceo@example.test>"),
                                     S("ceo@example.test,"),
                                     S("x\r\nFrom: ceo@example.test"),
                                     S("x\r\n From: ceo@example.test"),
                                     S("x\0y"),
                                     S("x\xc2\x85"
                                       "From: ceo@example.test"),
                                     S("x\xe2\x80\xa8"
                                       "From: ceo@example.test"),
                                     S("anna@example.test ceo@example.test"),
                                     S("anna@example.test (ceo@example.test)"),
                                     S("ceo@example.test via Anna"),
                                     S("mailto:ceo@example.test"),
                                     S("\"quoted\""),
                                     S("a\\b")};
static const struct slice charsets[] = {
    S("utf-8"),        S("utf-8"),    S("UTF-8"),  S("us-ascii"), S("iso-8859-1"),
    S("windows-1252"), S("utf-7"),    S("utf-16"), S("cp037"),    S("iso-2022-jp"),
    S("x-unknown"),    S("utf-8*en"), S("")};

static void add_q(struct maker *m, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool letter = (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (c >= '0' && c <= '9');
        if (letter || (c && once_in(m, 40))) {
            buf_add_byte(m->out, c);
        } else if (c == ' ') {
            buf_add_text(m->out, "_");
        } else {
            buf_printf(m->out, once_in(m, 10) ? "=%02x" : "=%02X", c);
        }
    }
}

/* Three bytes or fewer as four digits; now and then the padding is left out. */
static void add_digits(struct maker *m, struct slice three)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;

    for (size_t k = 0; k < 3; k++) {
        bits = bits << 8 | (k < three.len ? three.ptr[k] : 0);
    }
    for (size_t k = 0; k < 4; k++) {
        if (k <= three.len) {
            buf_add_byte(m->out, (uint8_t)digits[bits >> (18 - 6 * k) & 63]);
        } else if (!once_in(m, 12)) {
            buf_add_byte(m->out, '=');
        }
    }
}

static void add_b(struct maker *m, struct slice text)
{
    for (size_t i = 0; i < text.len; i += 3) {
        add_digits(m, slice_head(slice_from(text, i), 3));
    }
}

static void add_word(struct maker *m, struct slice text, bool base64)
{
    static const struct slice hows[] = {S("?q?"), S("?Q?"), S("?b?"), S("?B?")};

    buf_add_text(m->out, "=?");
    buf_add(m->out, PICK(m, charsets));
    buf_add(m->out, hows[(base64 ? 2 : 0) + below(m, 2)]);
    if (base64) {
        add_b(m, text);
    } else {
        add_q(m, text);
    }
    buf_add_text(m->out, once_in(m, 30) ? "?" : "?=");
}

/* An encoded word (RFC 2047) of a name or an address, sometimes cut in two or not quite one. */
static void add_encoded(struct maker *m)
{
    OWN(buf) struct buf plain = {.max = 1000};
    struct maker inner = {next(m), &plain};

    if (once_in(m, 3)) {
        add_address(&inner);
    } else {
        buf_add(&plain, PICK(m, names));
    }
    bool base64 = once_in(m, 2);
    size_t cut = once_in(m, 5) ? below(m, plain.len + 1) : plain.len;
    add_word(m, slice_head(buf_slice(&plain), cut), base64);
    if (cut < plain.len) {
        buf_add_text(m->out, once_in(m, 4) ? "" : " ");
        add_word(m, slice_from(buf_slice(&plain), cut), base64);
    }
}

/* ── mailboxes ── */

/* A: an address; N: a name; Q: a name in quotes; E: an encoded word; R: a route; all else as it stands. */
static const struct slice forms[] = {S("A"),     S("<A>"),   S("N <A>"),     S("N <A>"),
                                     S("Q <A>"), S("Q <A>"), S("E <A>"),     S("E <A>"),
                                     S("A (N)"), S("(N) A"), S("N <A> (N)"), S("A (E)")};
static const struct slice odd_forms[] = {S("N<A>"),
                                         S("<A> A"),
                                         S("A <A>"),
                                         S("N A"),
                                         S("A A"),
                                         S("<A"),
                                         S("A>"),
                                         S("<<A>>"),
                                         S("<A>,"),
                                         S("A,"),
                                         S(",A"),
                                         S("A, A"),
                                         S("<A>, <A>"),
                                         S("A; A"),
                                         S("A;"),
                                         S("g:A;"),
                                         S("g: A, A;"),
                                         S("g:;"),
                                         S("g:;, A"),
                                         S(":A"),
                                         S("A:A"),
                                         S("N <R:A>"),
                                         S("<R,A>"),
                                         S("<@A>"),
                                         S("N <A> <A>"),
                                         S("<A><A>"),
                                         S("<A>A"),
                                         S("'A' <A>"),
                                         S("\"A\" <A>"),
                                         S("(A) <A>"),
                                         S("N (A) <A>"),
                                         S("A (<A>)"),
                                         S("E"),
                                         S("<E>"),
                                         S("E,<A>"),
                                         S("E E <A>"),
                                         S("<A>\\,<A>"),
                                         S("A\\,A"),
                                         S("\"A\\\" <A>"),
                                         S("\"N\\\" <A>\" <A>"),
                                         S("\"A <A>"),
                                         S("N\r\n <A>"),
                                         S("N\r\n\t<A>"),
                                         S("N\r\n<A>"),
                                         S("\r\n A"),
                                         S(" \r\n A"),
                                         S("A\r\n \r\n"),
                                         S("A\0A"),
                                         S("A\rFrom: A"),
                                         S("A\nFrom: A"),
                                         S("A\r\nFrom: A"),
                                         S("A\r\n From: A"),
                                         S("A (N (N) N)"),
                                         S("A (N"),
                                         S("A )"),
                                         S("<A> N"),
                                         S("<A>;<A>"),
                                         S("[A] <A>"),
                                         S("A%A"),
                                         S("<\"A\">"),
                                         S("<A>@example.test"),
                                         S("N <N <A>>"),
                                         S("A\t,\tA"),
                                         S("mailto:A"),
                                         S("<mailto:A>"),
                                         S("< A >"),
                                         S("<A >"),
                                         S("<\r\n A>"),
                                         S("N <A>\r\n (A)"),
                                         S("\xef\xbb\xbf"
                                           "A"),
                                         S("\xc2\xa0<A>"),
                                         S("A\x0b,A"),
                                         S("A\x85"
                                           "A"),
                                         S("")};

static void add_name(struct maker *m, bool quoted)
{
    if (quoted) {
        buf_add_text(m->out, "\"");
    }
    buf_add(m->out, once_in(m, 2) ? names[below(m, 5)] : PICK(m, names));
    if (quoted) {
        buf_add_text(m->out, "\"");
    }
}

static void add_form(struct maker *m, struct slice form)
{
    for (size_t i = 0; i < form.len; i++) {
        switch (form.ptr[i]) {
        case 'A':
            add_address(m);
            break;
        case 'N':
        case 'Q':
            add_name(m, form.ptr[i] == 'Q');
            break;
        case 'E':
            add_encoded(m);
            break;
        case 'R':
            buf_add_text(m->out, once_in(m, 2) ? "@evil.test" : "@evil.test,@example.test");
            break;
        default:
            buf_add_byte(m->out, form.ptr[i]);
        }
    }
}

static void add_value(struct maker *m)
{
    add_form(m, once_in(m, 3) ? PICK(m, odd_forms) : PICK(m, forms));
}

/* ── the letter ── */

static const struct slice labels[] = {S("From:"),
                                      S("from:"),
                                      S("FROM:"),
                                      S("From :"),
                                      S("From\t:"),
                                      S(" From:"),
                                      S("\tFrom:"),
                                      S("From\r\n :"),
                                      S("Fr\0om:"),
                                      S("From\0:"),
                                      S("\xef\xbb\xbf"
                                        "From:"),
                                      S("Fr\xd0\xbem:"),
                                      S("From\xc2\xa0:"),
                                      S("From"),
                                      S(":From:"),
                                      S("X-From:"),
                                      S(">From:"),
                                      S("From ceo@example.test\r\nFrom:"),
                                      S("Sender:"),
                                      S("sender:"),
                                      S("Sender :"),
                                      S(" Sender:"),
                                      S("Resent-From:"),
                                      S("Resent-Sender:"),
                                      S("Resent-From :"),
                                      S("Reply-To:"),
                                      S("=?utf-8?q?From?=:"),
                                      S("From:From:"),
                                      S("Subject: x\r\n From:"),
                                      S("Subject: x\nFrom:"),
                                      S("Subject: x\rFrom:"),
                                      S("Subject: x\x0b"
                                        "From:"),
                                      S("Subject: x\xe2\x80\xa8"
                                        "From:"),
                                      S("\r\nFrom:"),
                                      S("From:\r\n"),
                                      S("From:\r\n ")};
static const struct slice ends[] = {S("\n"),       S("\r"),    S("\r\r\n"),    S("\n\r"),
                                    S("\r\n\r\n"), S("\r\n "), S("\r\n \r\n"), S("\0\r\n"),
                                    S("\x0b"),     S("")};

static void add_field(struct maker *m, struct slice label)
{
    buf_add(m->out, label);
    buf_add_text(m->out, once_in(m, 20) ? "" : " ");
    add_value(m);
    buf_add(m->out, once_in(m, 60) ? PICK(m, ends) : SLICE("\r\n"));
}

static void add_other(struct maker *m)
{
    static const struct slice others[] = {S("To: paula@partner.test\r\n"),
                                          S("Subject: Minutes\r\n"),
                                          S("Subject: x\r\n From: ceo@example.test\r\n"),
                                          S("Message-ID: <1@example.test>\r\n"),
                                          S("Date: Mon, 30 Nov 2026 10:00:00 +0100\r\n"),
                                          S("Cc: ceo@example.test\r\n"),
                                          S("X-Note: From: ceo@example.test\r\n"),
                                          S("Comments: a\r\n\tb\r\n")};

    buf_add(m->out, PICK(m, others));
}

/* Some bytes put in, taken out or written over, of those that parsers trip over. */
static void disturb(struct maker *m)
{
    static const uint8_t bytes[] =
        " \t\r\n\0\"\\<>()@,;:=?.[]'+-aA\x0b\x0c\x1c\x85\xa0\xc2\xe2\x80\xa8\x7f";
    struct buf *b = m->out;

    for (size_t i = 1 + below(m, 3); i > 0 && b->len > 0; i--) {
        size_t at = below(m, b->len);
        uint8_t byte = bytes[below(m, sizeof(bytes) - 1)];
        size_t how = below(m, 3);
        if (how == 0) {
            b->ptr[at] = byte;
        } else if (how == 1) {
            (void)memmove(b->ptr + at, b->ptr + at + 1, b->len - at - 1);
            b->len--;
        } else {
            buf_add_byte(b, 0);
            (void)memmove(b->ptr + at + 1, b->ptr + at, b->len - at - 1);
            b->ptr[at] = byte;
        }
    }
}

void variant_make(uint64_t seed, struct variant *out)
{
    struct maker m = {seed, &out->letter};

    buf_reset(&out->letter);
    buf_reset(&out->reverse_path);
    out->utf8 = once_in(&m, 2);
    if (once_in(&m, 3)) {
        add_other(&m);
    }
    if (once_in(&m, 4)) {
        add_field(&m, PICK(&m, labels));
    }
    add_field(&m, SLICE("From:"));
    if (once_in(&m, 3)) {
        add_other(&m);
    }
    if (once_in(&m, 4)) {
        add_field(&m, once_in(&m, 2) ? SLICE("Sender:") : PICK(&m, labels));
    }
    if (once_in(&m, 3)) {
        disturb(&m);
    }
    buf_add_text(&out->letter, "\r\nFrom: ceo@example.test\r\n");
    m.out = &out->reverse_path;
    if (once_in(&m, 10)) {
        add_address(&m);
    } else {
        buf_add_text(m.out, once_in(&m, 8) ? "board@example.test" : "anna@example.test");
    }
}
