#include "formats/mime/multipart.h"

/* What follows a candidate on its line decides: "--" or not, then nothing but white space. */
static bool is_delimiter(struct slice behind, struct delimiter *d)
{
    size_t end = slice_find(behind, '\n');
    struct slice tail = slice_head(behind, end);

    d->closes = slice_starts(tail, SLICE("--"));
    tail = slice_from(tail, d->closes ? 2 : 0);
    if (tail.len && tail.ptr[tail.len - 1] == '\r') {
        tail.len--;
    }
    d->end = end < behind.len ? end + 1 : end;
    return slice_trim(tail).len == 0;
}

struct delimiter multipart_delimiter(struct slice body, struct slice dashed, size_t from)
{
    struct delimiter d = {.begin = body.len, .end = body.len};

    while (from < body.len) {
        if ((from == 0 || body.ptr[from - 1] == '\n') &&
            slice_starts(slice_from(body, from), dashed) &&
            is_delimiter(slice_from(body, from + dashed.len), &d)) {
            d.found = true;
            d.end += from + dashed.len;
            d.begin = from;
            d.begin -= d.begin && body.ptr[d.begin - 1] == '\n';
            d.begin -= d.begin && body.ptr[d.begin - 1] == '\r';
            return d;
        }
        from += slice_find(slice_from(body, from), '\n') + 1; /* the next line */
    }
    return (struct delimiter){.begin = body.len, .end = body.len};
}
