#include "formats/mbox/mbox.h"

#include "formats/mbox/internal.h"

#define FROM       SLICE("From ")
#define LENGTH     SLICE("Content-Length:")
#define LENGTH_MAX (UINT64_C(64) << 20) /* longer letters are not taken anyway */

/* One pass over a letter. */
struct scan {
    struct slice window;
    bool last;  /* the file ends where the window does */
    bool full;  /* the window cannot grow */
    size_t at;  /* beginning of the line that is looked at */
    bool blank; /* the line before it is empty */
    bool in_body;
    bool has_length; /* Content-Length was read, and has not proved wrong */
    uint64_t length;
    size_t body; /* where it begins */
};

/* Length of the line at `at` with its line end; 0 when the window ends before it does. */
static size_t line_at(const struct slice window, size_t at, bool last)
{
    struct slice rest = slice_from(window, at);
    size_t end = slice_find(rest, '\n');

    if (end < rest.len) {
        return end + 1;
    }
    return last ? rest.len : 0;
}

static struct slice without_end(struct slice line)
{
    if (line.len && line.ptr[line.len - 1] == '\n') {
        line.len--;
    }
    if (line.len && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    return line;
}

/* Whether this line begins a letter, when one is under way. */
static bool begins_letter(struct slice line, bool behind_blank)
{
    if (!slice_starts(line, FROM)) {
        return false;
    }
    struct slice rest = slice_from(without_end(line), FROM.len);
    return behind_blank ? mbox_is_dated(rest) : mbox_is_certain(rest);
}

/* The letter's end when the next one begins at `at`: an empty line before that is the file's. */
static size_t trim_blank(struct slice window, size_t from, size_t at)
{
    size_t end = at;

    if (end > from && window.ptr[end - 1] == '\n') {
        end--;
        if (end > from && window.ptr[end - 1] == '\r') {
            end--;
        }
        /* Only when what went was a line of its own, and not the end of the last one. */
        return end == from || window.ptr[end - 1] == '\n' ? end : at;
    }
    return at;
}

enum told { TOLD_END, TOLD_NOTHING, TOLD_MORE };

/* Whether, behind at most one empty line, a letter begins at `at` or the file ends. */
static enum told ask_place(const struct scan *s, size_t at, size_t *next)
{
    for (int blanks = 0; blanks < 2; blanks++) {
        size_t len = line_at(s->window, at, s->last);
        struct slice line = slice_of(s->window.ptr + at, len);
        if (len == 0 && !s->last) {
            return TOLD_MORE;
        }
        if (len == 0 ||
            (slice_starts(line, FROM) && mbox_is_dated(slice_from(without_end(line), FROM.len)))) {
            *next = at;
            return TOLD_END;
        }
        if (without_end(line).len != 0) {
            return TOLD_NOTHING;
        }
        at += len;
    }
    return TOLD_NOTHING;
}

/* What Content-Length says, once the body has begun: it is believed when a letter begins behind so many
 * bytes, or the file ends there. */
static enum told ask_length(const struct scan *s, size_t *end, size_t *next)
{
    if (!s->has_length) {
        return TOLD_NOTHING;
    }
    if (s->length > s->window.len - s->body) {
        return s->last || s->full ? TOLD_NOTHING : TOLD_MORE;
    }
    *end = s->body + (size_t)s->length;
    return ask_place(s, *end, next);
}

static void read_length(struct scan *s, struct slice line)
{
    if (slice_starts_nocase(line, LENGTH)) {
        s->has_length =
            slice_decimal(slice_trim(slice_from(line, LENGTH.len)), LENGTH_MAX, &s->length);
    }
}

static enum mbox_result found(struct mbox_letter *out, const struct scan *s, size_t from,
                              size_t end, size_t next)
{
    out->bytes = slice_of(s->window.ptr + from, end - from);
    out->next = next;
    return MBOX_LETTER;
}

/* Look at a line of the header, or at the empty one behind it: then the length may tell the end. */
static enum told pass_header(struct scan *s, struct slice line, size_t *end, size_t *next)
{
    if (s->in_body) {
        return TOLD_NOTHING;
    }
    if (!s->blank) {
        read_length(s, without_end(line));
        return TOLD_NOTHING;
    }
    s->in_body = true;
    s->body = s->at;
    return ask_length(s, end, next);
}

/* Look at line after line behind the "From " line, which ends at `from`. */
static enum mbox_result scan_letter(struct scan *s, size_t from, struct mbox_letter *out)
{
    enum told told = TOLD_NOTHING;
    size_t end = 0;
    size_t next = 0;

    while (told == TOLD_NOTHING) {
        size_t len = line_at(s->window, s->at, s->last);
        struct slice line = slice_of(s->window.ptr + s->at, len);
        if (len == 0 && !s->last) {
            return MBOX_MORE;
        }
        if (len == 0 || begins_letter(line, s->blank || s->at == from)) {
            return found(out, s, from, trim_blank(s->window, from, s->at), s->at);
        }
        s->blank = without_end(line).len == 0;
        s->at += len;
        told = pass_header(s, line, &end, &next);
    }
    if (told == TOLD_MORE) {
        return MBOX_MORE;
    }
    out->by_length = true;
    return found(out, s, from, end, next);
}

enum mbox_result mbox_next(struct slice window, enum mbox_reach reach, struct mbox_letter *out)
{
    bool last = reach == MBOX_LAST;
    struct scan s = {.window = window, .last = last, .full = reach == MBOX_FULL};
    while (window.len > s.at && (window.ptr[s.at] == '\n' || window.ptr[s.at] == '\r')) {
        s.at++;
    }
    if (s.at == window.len) {
        return last ? MBOX_END : MBOX_MORE;
    }
    size_t len = line_at(window, s.at, last);
    struct slice line = slice_of(window.ptr + s.at, len);
    if (len == 0) {
        struct slice rest = slice_from(window, s.at);
        return rest.len < FROM.len || slice_starts(rest, FROM) ? MBOX_MORE : MBOX_NO_BOX;
    }
    if (!slice_starts(line, FROM)) {
        return MBOX_NO_BOX;
    }
    *out =
        (struct mbox_letter){.start = s.at, .from_line = slice_from(without_end(line), FROM.len)};
    s.at += len;
    return scan_letter(&s, s.at, out);
}

enum mbox_result mbox_skip(struct slice window, bool last, size_t *next)
{
    size_t at = 0;
    size_t before = 0; /* the line in front of it */
    bool blank = false;

    for (;;) {
        size_t len = line_at(window, at, last);
        if (len == 0) {
            /* The line before is shown again, for it may be empty. */
            *next = before ? before : at;
            *next = *next ? *next : window.len;
            return last ? MBOX_END : MBOX_MORE;
        }
        struct slice line = slice_of(window.ptr + at, len);
        if (at && begins_letter(line, blank)) {
            *next = at;
            return MBOX_LETTER;
        }
        blank = without_end(line).len == 0;
        before = at;
        at += len;
    }
}

/* Where the body begins, behind the first empty line. */
static size_t body_of(struct slice bytes)
{
    size_t at = 0;

    while (at < bytes.len) {
        size_t len = line_at(bytes, at, true);
        bool blank = without_end(slice_of(bytes.ptr + at, len)).len == 0;
        at += len;
        if (blank) {
            break;
        }
    }
    return at;
}

size_t mbox_unquote(struct slice bytes, bool all, struct buf *out)
{
    struct slice quoted = SLICE(">From ");
    size_t done = 0; /* copied until here */
    size_t from = body_of(bytes);
    size_t count = 0;

    while (from < bytes.len) {
        const uint8_t *hit = memmem(bytes.ptr + from, bytes.len - from, quoted.ptr, quoted.len);
        if (!hit) {
            break;
        }
        size_t at = (size_t)(hit - bytes.ptr);
        size_t begin = at;
        while (begin > from && bytes.ptr[begin - 1] == '>') {
            begin--;
        }
        if ((begin == 0 || bytes.ptr[begin - 1] == '\n') && (all || begin == at)) {
            buf_add(out, slice_of(bytes.ptr + done, begin - done));
            done = begin + 1;
            count++;
        }
        from = at + quoted.len;
    }
    if (count) {
        buf_add(out, slice_from(bytes, done));
    }
    return count;
}
