#include "formats/journal/internal.h"

#define HEADER_MAX (64 << 10)
#define BLANKS     " \t\r\n"

struct slice journal_value(const struct mail_header *h, enum mail_name name)
{
    const struct mail_field *f = mail_header_find(h, name);
    struct slice value = f ? f->value : SLICE_NONE;

    while (value.len && strchr(BLANKS, value.ptr[0]) && value.ptr[0]) {
        value = slice_from(value, 1);
    }
    return value;
}

struct slice journal_boundary(struct slice content_type)
{
    static const struct slice name = SLICE_INIT("boundary=");
    struct slice rest = content_type;

    while (rest.len && !slice_starts_nocase(rest, name)) {
        rest = slice_from(rest, 1);
    }
    rest = slice_from(rest, name.len);
    if (rest.len && rest.ptr[0] == '"') {
        return slice_cut(slice_from(rest, 1), '"', &rest);
    }
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] > ' ' && rest.ptr[len] != ';') {
        len++;
    }
    return slice_head(rest, len);
}

/* Length of the line at the start of s, with its end. */
static size_t line_length(struct slice s)
{
    size_t at = slice_find(s, '\n');
    return at < s.len ? at + 1 : s.len;
}

static bool is_delimiter(struct slice line, struct slice boundary)
{
    return slice_starts(line, SLICE("--")) && slice_starts(slice_from(line, 2), boundary);
}

static bool is_last(struct slice line, struct slice boundary)
{
    return slice_starts(slice_from(line, 2 + boundary.len), SLICE("--"));
}

/* What stands before the next delimiter, whose line end before it is its own. *rest is then at it. */
static struct slice until_delimiter(struct slice *rest, struct slice boundary)
{
    struct slice all = *rest;
    size_t at = 0;

    while (at < all.len && !is_delimiter(slice_from(all, at), boundary)) {
        at += line_length(slice_from(all, at));
    }
    *rest = slice_from(all, at);
    if (at && at < all.len && all.ptr[at - 1] == '\n') {
        at--;
        at -= at && all.ptr[at - 1] == '\r';
    }
    return slice_head(all, at);
}

bool journal_part(struct slice *rest, struct slice boundary, struct arena *arena,
                  struct journal_part *out)
{
    static const struct mail_limits limits = {.letter_bytes = SIZE_MAX,
                                              .header_bytes = HEADER_MAX,
                                              .field_bytes = HEADER_MAX,
                                              .line_bytes = HEADER_MAX,
                                              .fields = 100};

    (void)until_delimiter(rest, boundary);
    size_t len = line_length(*rest);
    if (rest->len == 0 || is_last(slice_head(*rest, len), boundary)) {
        return false;
    }
    *rest = slice_from(*rest, len);
    struct slice part = until_delimiter(rest, boundary);
    mail_header_read(part, &limits, true, arena, &out->header);
    out->body = out->header.body;
    return true;
}
