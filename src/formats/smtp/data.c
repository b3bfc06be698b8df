#include "formats/smtp/data.h"

/* Where the next octet stands. The reader and the writer share START and TEXT. */
enum place {
    PLACE_START,  /* at the start of a line */
    PLACE_TEXT,   /* inside a line */
    PLACE_CR,     /* behind a CR: LF must follow */
    PLACE_DOT,    /* behind a dot that starts a line */
    PLACE_DOT_CR, /* behind dot and CR: LF makes the end mark */
};

void smtp_data_reader_init(struct smtp_data_reader *r, bool dots)
{
    *r = (struct smtp_data_reader){.dots = dots, .place = PLACE_START};
}

static void count_line(struct smtp_data_reader *r, size_t octets)
{
    r->line += octets;
    if (r->line > r->longest) {
        r->longest = r->line;
    }
}

/* One octet of a line's text: the slow way, taken where the quick look found something amiss and
 * behind a CR that ended the last input. False when the octet may not stand there. */
static bool take_octet(struct smtp_data_reader *r, uint8_t c)
{
    if (r->place == PLACE_CR && c != '\n') {
        r->broken = SMTP_DATA_BARE_CR;
    } else if (r->place != PLACE_CR && c == '\n') {
        r->broken = SMTP_DATA_BARE_LF;
    } else if (c == 0) {
        r->broken = SMTP_DATA_NUL;
    } else if (c == '\n') {
        r->place = PLACE_START;
        r->line = 0;
    } else if (c == '\r') {
        r->place = PLACE_CR;
    } else {
        r->place = PLACE_TEXT;
        count_line(r, 1);
    }
    return !r->broken;
}

/* Octet by octet to the end of the line or to what may not be there; how many were fine. */
static size_t take_octets(struct smtp_data_reader *r, struct slice in)
{
    size_t at = 0;

    while (at < in.len && take_octet(r, in.ptr[at])) {
        at++;
        if (r->place == PLACE_START) {
            break;
        }
    }
    return at;
}

/* Whether `text`, which holds no LF, holds neither CR nor NUL. */
static bool is_clean(struct slice text)
{
    return slice_find(text, '\r') == text.len && slice_find(text, 0) == text.len;
}

/* A whole line, or all there is of one that goes on, in one look; 0 where that does not do. */
static size_t take_line(struct smtp_data_reader *r, struct slice rest)
{
    size_t line = slice_find(rest, '\n');
    bool ended = line < rest.len && line > 0 && rest.ptr[line - 1] == '\r';
    size_t text = ended ? line - 1 : line;

    if (r->place == PLACE_CR || (!ended && line < rest.len) || !is_clean(slice_head(rest, text))) {
        return 0;
    }
    count_line(r, text);
    r->place = ended ? PLACE_START : PLACE_TEXT;
    r->line = ended ? 0 : r->line;
    return ended ? line + 1 : line;
}

/* Length of the run at the front of `in`: whole lines at a time, up to a line that starts with a
 * dot, the end of the input, or what may not be there. */
static size_t take_run(struct smtp_data_reader *r, struct slice in)
{
    size_t at = 0;

    while (at < in.len && !r->broken) {
        if (r->place == PLACE_START && r->dots && in.ptr[at] == '.') {
            break;
        }
        struct slice rest = slice_from(in, at);
        size_t line = take_line(r, rest);
        at += line ? line : take_octets(r, rest);
    }
    r->octets += at;
    return at;
}

/* Behind a dot that starts a line: it is half an end mark, or was stuffed and is left out. */
static enum smtp_data_result take_dot(struct smtp_data_reader *r, struct slice *in)
{
    uint8_t c = in->ptr[0];

    if (r->place == PLACE_DOT && c != '\r') {
        r->place = PLACE_TEXT; /* where a bare LF and NUL are seen */
        return SMTP_DATA_MORE;
    }
    if (r->place == PLACE_DOT_CR && c != '\n') {
        return r->broken = SMTP_DATA_BARE_CR;
    }
    *in = slice_from(*in, 1);
    if (r->place == PLACE_DOT_CR) {
        return r->broken = SMTP_DATA_END;
    }
    r->place = PLACE_DOT_CR;
    return SMTP_DATA_MORE;
}

enum smtp_data_result smtp_data_read(struct smtp_data_reader *r, struct slice *in,
                                     struct slice *run)
{
    while (in->len && !r->broken) {
        if (r->place == PLACE_DOT || r->place == PLACE_DOT_CR) {
            (void)take_dot(r, in);
        } else if (r->place == PLACE_START && r->dots && in->ptr[0] == '.') {
            r->place = PLACE_DOT;
            *in = slice_from(*in, 1);
        } else {
            size_t len = take_run(r, *in);
            *run = slice_head(*in, len);
            *in = slice_from(*in, len);
            if (len) {
                return SMTP_DATA_RUN;
            }
        }
    }
    return (enum smtp_data_result)r->broken;
}

enum smtp_data_result smtp_data_finish(struct smtp_data_reader *r)
{
    if (!r->broken) {
        r->broken = r->place == PLACE_CR ? SMTP_DATA_BARE_CR : SMTP_DATA_END;
    }
    return (enum smtp_data_result)r->broken;
}

void smtp_data_writer_init(struct smtp_data_writer *w)
{
    *w = (struct smtp_data_writer){.place = PLACE_START};
}

bool smtp_data_write(struct smtp_data_writer *w, struct slice *letter, struct slice *piece)
{
    size_t at = 0;

    if (letter->len == 0) {
        return false;
    }
    if (w->place == PLACE_START && letter->ptr[0] == '.') {
        w->place = PLACE_TEXT;
        *piece = SLICE(".");
        return true;
    }
    do {
        at += slice_find(slice_from(*letter, at), '\n') + 1;
    } while (at < letter->len && letter->ptr[at] != '.');
    if (at > letter->len) {
        at = letter->len;
    }
    w->place = letter->ptr[at - 1] == '\n' ? PLACE_START : PLACE_TEXT;
    *piece = slice_head(*letter, at);
    *letter = slice_from(*letter, at);
    return true;
}

struct slice smtp_data_writer_end(const struct smtp_data_writer *w)
{
    return w->place == PLACE_START ? SLICE(".\r\n") : SLICE("\r\n.\r\n");
}
