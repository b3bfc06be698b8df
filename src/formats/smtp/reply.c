#include "formats/smtp/reply.h"

void smtp_reply_init(struct smtp_reply *r)
{
    r->code = 0;
    r->status = (struct smtp_status){0};
    r->lines = 0;
    r->unfinished = false;
    r->text_len = 0;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* status-code of RFC 3463 section 2 at the start of *text, of the reply's own class: taken off
 * with the blank behind it. */
static struct smtp_status take_status(int code, struct slice *text)
{
    struct slice rest;
    struct slice word = slice_cut(*text, ' ', &rest);
    struct slice numbers;
    uint64_t klass = 0;
    uint64_t subject = 0;
    uint64_t detail = 0;

    if (!slice_decimal(slice_cut(word, '.', &numbers), 5, &klass) ||
        klass != (uint64_t)code / 100 ||
        !slice_decimal(slice_cut(numbers, '.', &numbers), 999, &subject) ||
        !slice_decimal(numbers, 999, &detail)) {
        return (struct smtp_status){0};
    }
    *text = rest;
    return (struct smtp_status){(uint16_t)klass, (uint16_t)subject, (uint16_t)detail};
}

/* Keep what is printable; what is not UTF-8 is shown as question marks. A text that does not fit
 * is cut between characters. */
static void keep_text(struct smtp_reply *r, struct slice text)
{
    bool utf8 = slice_is_utf8(text);

    if (r->lines > 1 && r->text_len < SMTP_REPLY_TEXT_MAX) {
        r->text[r->text_len++] = '\n';
    }
    size_t room = SMTP_REPLY_TEXT_MAX - r->text_len;
    size_t len = text.len < room ? text.len : room;
    while (len < text.len && len > 0 && (text.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t c = text.ptr[i];
        bool shown = c >= ' ' && c != 0x7f && (utf8 || c < 0x80);
        r->text[r->text_len++] = shown ? c : '?';
    }
}

/* Reply-line of RFC 5321 section 4.2: three digits, then "-" when more follow, " " or nothing. */
static bool read_line(struct smtp_reply *r, struct slice line, struct slice *text, struct error *e)
{
    bool coded = line.len >= 3 && line.ptr[0] >= '2' && line.ptr[0] <= '5' &&
                 is_digit(line.ptr[1]) && is_digit(line.ptr[2]);
    bool more = line.len > 3 && line.ptr[3] == '-';

    if (!coded || (line.len > 3 && !more && line.ptr[3] != ' ')) {
        return error_set(e, ERROR_INPUT, "the server sent a line that is no SMTP reply");
    }
    int code = (line.ptr[0] - '0') * 100 + (line.ptr[1] - '0') * 10 + (line.ptr[2] - '0');
    if (!r->unfinished) {
        smtp_reply_init(r);
        r->code = code;
    }
    if (code != r->code || r->lines == SMTP_REPLY_LINES_MAX) {
        return error_set(e, ERROR_INPUT,
                         code != r->code ? "the server changed its code within a reply"
                                         : "the server's reply has too many lines");
    }
    *text = slice_from(line, 4);
    struct slice words = *text;
    struct smtp_status status = take_status(code, &words);
    if (r->status.klass == 0) {
        r->status = status;
    }
    r->lines++;
    r->unfinished = more;
    keep_text(r, words);
    return true;
}

enum smtp_reply_result smtp_reply_read(struct smtp_reply *r, struct slice *in, struct slice *line,
                                       struct error *e)
{
    struct slice window = slice_head(*in, SMTP_REPLY_LINE_MAX);
    size_t end = slice_find(window, '\n');
    struct slice whole = slice_head(window, end);

    if (end == window.len && window.len < SMTP_REPLY_LINE_MAX) {
        return SMTP_REPLY_MORE;
    }
    if (end == window.len) {
        (void)error_set(e, ERROR_INPUT, "the server sent a line longer than %d octets",
                        SMTP_REPLY_LINE_MAX);
        return SMTP_REPLY_BAD;
    }
    if (end == 0 || slice_find(whole, '\r') != end - 1 || slice_find(whole, 0) < end) {
        (void)error_set(e, ERROR_INPUT, "the server sent a line that does not end in CRLF alone");
        return SMTP_REPLY_BAD;
    }
    if (!read_line(r, slice_head(whole, end - 1), line, e)) {
        return SMTP_REPLY_BAD;
    }
    *in = slice_from(*in, end + 1);
    return r->unfinished ? SMTP_REPLY_LINE : SMTP_REPLY_LAST;
}
