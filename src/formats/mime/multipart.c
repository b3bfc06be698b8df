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
        const uint8_t *hit = memmem(body.ptr + from, body.len - from, dashed.ptr, dashed.len);
        if (!hit) {
            break;
        }
        size_t at = (size_t)(hit - body.ptr);
        if ((at == 0 || body.ptr[at - 1] == '\n') &&
            is_delimiter(slice_from(body, at + dashed.len), &d)) {
            d.found = true;
            d.end += at + dashed.len;
            d.begin = at;
            d.begin -= d.begin && body.ptr[d.begin - 1] == '\n';
            d.begin -= d.begin && body.ptr[d.begin - 1] == '\r';
            return d;
        }
        from = at + 1;
    }
    return (struct delimiter){.begin = body.len, .end = body.len};
}
