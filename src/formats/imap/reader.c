#include "formats/imap/internal.h"

enum state { LINE, LITERAL, LETTER, DEAD };

void imap_reader_init(struct imap_reader *r)
{
    r->state = LINE;
    r->streamed = false;
    r->said = false;
    r->left = 0;
    r->letter_len = 0;
    r->part = 0;
    r->len = 0;
    r->scratch_len = 0;
}

static enum imap_got broken(struct imap_reader *r)
{
    r->state = DEAD;
    return IMAP_BROKEN;
}

static bool keep(struct imap_reader *r, struct slice octets)
{
    if (octets.len > IMAP_TEXT_MAX - r->len) {
        return false;
    }
    if (octets.len) {
        (void)memcpy(r->text + r->len, octets.ptr, octets.len);
    }
    r->len += octets.len;
    return true;
}

/* The number of a "{N}CRLF" at the end of the line. */
static bool literal_at_end(struct slice line, uint64_t *octets)
{
    size_t digits = 0;

    if (line.len < 5 || line.ptr[line.len - 3] != '}') {
        return false;
    }
    while (digits + 4 < line.len && line.ptr[line.len - 4 - digits] >= '0' &&
           line.ptr[line.len - 4 - digits] <= '9') {
        digits++;
    }
    struct slice number = slice_of(line.ptr + line.len - 3 - digits, digits);
    return number.ptr > line.ptr && number.ptr[-1] == '{' &&
           slice_decimal(number, UINT32_MAX, octets);
}

/* A line is whole: a literal follows, or the response is whole as well. */
static enum imap_got end_line(struct imap_reader *r, struct imap_response *out)
{
    struct slice text = slice_of(r->text, r->len);
    struct slice line = slice_from(text, r->part);

    if (line.len < 2 || line.ptr[line.len - 2] != '\r') {
        return broken(r);
    }
    if (!imap_may_have_literals(text) || !literal_at_end(line, &r->left)) {
        r->said = true;
        return imap_response_read(r, out) ? IMAP_RESPONSE : broken(r);
    }
    r->part = r->len;
    if (imap_letter_follows(slice_head(text, text.len - 2))) {
        if (r->streamed) {
            return broken(r);
        }
        r->streamed = true;
        r->letter_len = r->left;
        r->state = LETTER;
    } else {
        r->state = LITERAL;
        if (r->left > IMAP_LITERAL_MAX) {
            return broken(r);
        }
    }
    return IMAP_MORE;
}

static bool has_nul(struct slice s)
{
    return s.len && memchr(s.ptr, 0, s.len) != NULL;
}

static enum imap_got take_line(struct imap_reader *r, struct slice *in, struct imap_response *out)
{
    size_t end = slice_find(*in, '\n');
    bool whole = end < in->len;
    struct slice octets = slice_head(*in, whole ? end + 1 : end);

    if (has_nul(octets) || !keep(r, octets)) {
        return broken(r);
    }
    *in = slice_from(*in, octets.len);
    return whole ? end_line(r, out) : IMAP_MORE;
}

enum imap_got imap_reader_next(struct imap_reader *r, struct slice *in, struct slice *run,
                               struct imap_response *out)
{
    enum imap_got got = IMAP_MORE;

    if (r->said) {
        imap_reader_init(r);
    }
    while (got == IMAP_MORE && r->state != DEAD) {
        struct slice octets = slice_head(*in, r->left);
        if (r->left == 0 && r->state != LINE) {
            r->part = r->len;
            r->state = LINE;
        }
        if (in->len == 0) {
            return IMAP_MORE;
        }
        if (r->state == LINE) {
            got = take_line(r, in, out);
            continue;
        }
        *in = slice_from(*in, octets.len);
        r->left -= octets.len;
        if (r->state == LETTER) {
            *run = octets;
            return IMAP_BODY;
        }
        got = keep(r, octets) ? IMAP_MORE : broken(r);
    }
    return r->state == DEAD ? IMAP_BROKEN : got;
}
