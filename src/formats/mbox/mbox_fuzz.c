#include <stdlib.h>

#include "formats/mbox/mbox.h"

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_letter(struct slice window, const struct mbox_letter *l)
{
    OWN(buf) struct buf out = {.max = 1 << 20};
    int64_t at = 0;

    check(l->next > l->start && l->next <= window.len);
    check(l->bytes.ptr >= window.ptr && l->bytes.ptr + l->bytes.len <= window.ptr + l->next);
    check(l->from_line.ptr > window.ptr && l->from_line.ptr <= l->bytes.ptr);
    size_t all = mbox_unquote(l->bytes, true, &out);
    check(!out.full && out.len + all == (all ? l->bytes.len : 0));
    buf_reset(&out);
    size_t some = mbox_unquote(l->bytes, false, &out);
    check(some <= all && out.len + some == (some ? l->bytes.len : 0));
    check(!mbox_from_date(l->from_line, &at) || at != INT64_MIN);
}

/* The next letter by way of a window that grows as slowly as it can. */
static enum mbox_result next_slowly(struct slice file, size_t step, struct mbox_letter *out)
{
    for (size_t len = step; len < file.len; len += step) {
        enum mbox_result r = mbox_next(slice_head(file, len), MBOX_GROWS, out);
        if (r != MBOX_MORE) {
            return r;
        }
    }
    return mbox_next(file, MBOX_LAST, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte is how fast the window grows. Whatever it is, the letters are the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data + 1, size ? size - 1 : 0);
    struct mbox_letter whole;
    struct mbox_letter slowly;
    size_t next = 0;

    if (size == 0 || size > 4096) {
        return 0;
    }
    (void)mbox_skip(rest, true, &next);
    check(next <= rest.len);
    (void)mbox_next(rest, MBOX_FULL, &whole);
    for (;;) {
        enum mbox_result r = mbox_next(rest, MBOX_LAST, &whole);
        check(r == next_slowly(rest, (size_t)data[0] + 1, &slowly));
        if (r != MBOX_LETTER) {
            check(r != MBOX_MORE);
            return 0;
        }
        check(whole.start == slowly.start && whole.next == slowly.next &&
              slice_equal(whole.bytes, slowly.bytes) && whole.by_length == slowly.by_length);
        check_letter(rest, &whole);
        rest = slice_from(rest, whole.next);
    }
}
