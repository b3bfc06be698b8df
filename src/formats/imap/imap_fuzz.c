#include <stdlib.h>

#include "formats/imap/imap.h"

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_response(const struct imap_response *r)
{
    check(r->tag <= IMAP_TAG_MAX && (r->tag == 0 || r->kind <= IMAP_BAD));
    check(r->text.len <= IMAP_TEXT_MAX && r->folder.name.len <= IMAP_NAME_MAX);
    check(r->letter.flags.len <= IMAP_TEXT_MAX && r->letter.body.len <= IMAP_TEXT_MAX);
    check(r->kind != IMAP_FOLDER || r->folder.name.len);
    check(!r->letter.streamed || (r->letter.has_body && r->letter.body.len == 0));
}

/* Everything that comes out, as one text: letters' octets, and what a response is of. */
static void read_all(struct slice all, size_t step, struct buf *out)
{
    static struct imap_reader reader;
    struct imap_response r;
    struct slice run;

    imap_reader_init(&reader);
    while (all.len) {
        struct slice in = slice_head(all, step);
        size_t before = in.len;
        enum imap_got got = imap_reader_next(&reader, &in, &run, &r);
        check(in.len <= before && (got != IMAP_MORE || in.len == 0));
        all = slice_from(all, before - in.len);
        if (got == IMAP_BROKEN) {
            buf_add_text(out, "broken");
            return;
        }
        if (got == IMAP_BODY) {
            check(run.len <= before);
            buf_add(out, run);
        } else if (got == IMAP_RESPONSE) {
            check_response(&r);
            buf_printf(out, "|%d %u %u %u %u ", (int)r.kind, (unsigned)r.tag, (unsigned)r.number,
                       r.capabilities, (unsigned)r.letter.uid);
            buf_add(out, r.text);
            buf_add(out, r.folder.name);
            buf_add(out, r.letter.flags);
            buf_add(out, r.letter.body);
        }
    }
}

static void check_name(struct slice name)
{
    OWN(buf) struct buf wire = {.max = 1 << 16};
    OWN(buf) struct buf back = {.max = 1 << 16};

    imap_name_decode(name, &back);
    buf_reset(&back);
    if (imap_name_encode(name, &wire)) {
        imap_name_decode(buf_slice(&wire), &back);
        check(slice_equal(buf_slice(&back), name) && slice_is_ascii(buf_slice(&wire)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte is how much is read at a time: whatever it is, the same comes out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(buf) struct buf whole = {.max = 1 << 20};
    OWN(buf) struct buf slowly = {.max = 1 << 20};
    struct slice rest = slice_of(data + 1, size ? size - 1 : 0);

    if (size == 0 || size > 8192) {
        return 0;
    }
    read_all(rest, SIZE_MAX, &whole);
    read_all(rest, (size_t)data[0] + 1, &slowly);
    check(slice_equal(buf_slice(&whole), buf_slice(&slowly)));
    check_name(rest);
    return 0;
}
