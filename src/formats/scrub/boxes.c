#include "formats/scrub/boxes.h"

uint64_t box_take(struct box_reader *r, size_t bytes)
{
    uint64_t value = 0;

    r->missing = r->missing || r->rest.len < bytes;
    for (size_t i = 0; i < bytes && !r->missing; i++) {
        value = value << 8 | r->rest.ptr[i];
    }
    r->rest = slice_from(r->rest, bytes);
    return value;
}

bool box_next(struct slice *rest, struct box *box)
{
    struct box_reader r = {.rest = *rest};
    uint64_t size = box_take(&r, 4);

    box->type = slice_head(r.rest, 4);
    (void)box_take(&r, 4);
    size = size == 1 ? box_take(&r, 8) : size == 0 ? rest->len : size;
    size_t head = rest->len - r.rest.len;
    if (r.missing || size < head || size > rest->len) {
        return false;
    }
    box->raw = slice_head(*rest, (size_t)size);
    box->body = slice_from(box->raw, head);
    *rest = slice_from(*rest, (size_t)size);
    return true;
}

bool box_is_one_of(struct slice type, const char *names)
{
    for (const char *at = names; *at; at += 4) {
        if (slice_equal(type, slice_of(at, 4))) {
            return true;
        }
    }
    return false;
}
