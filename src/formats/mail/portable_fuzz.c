#include <stdlib.h>

#include "formats/mail/portable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

/* ASCII, in lines of 998 at most. */
static void check_lines(struct slice s)
{
    size_t length = 0;

    for (size_t i = 0; i < s.len; i++) {
        length = s.ptr[i] == '\n' ? 0 : length + 1;
        must(s.ptr[i] < 0x80 && s.ptr[i] != 0 && length <= 999);
        must(s.ptr[i] != '\n' || (i > 0 && s.ptr[i - 1] == '\r'));
    }
}

/* The letter with its new body: what was written once stays so. */
static void check_again(const struct mail_header *h, const struct portable *made, struct slice body,
                        struct arena *a)
{
    OWN(buf) struct buf letter = {.max = 8 * body.len + (1 << 20)};
    OWN(buf) struct buf out = {.max = 8 * body.len + (1 << 20)};
    struct mail_header again;
    struct portable second;

    for (size_t i = 0; i < h->n_fields; i++) {
        if (!made->encoding.len || h->fields[i].name != MAIL_CONTENT_TRANSFER_ENCODING) {
            buf_add(&letter, h->fields[i].raw);
        }
    }
    if (made->encoding.len) {
        buf_printf(&letter, "Content-Transfer-Encoding: %.*s\r\n", SLICE_ARG(made->encoding));
    }
    buf_add_text(&letter, "\r\n");
    buf_add(&letter, body);
    mail_header_read(buf_slice(&letter), &limits, false, a, &again);
    must(again.defect == MAIL_SOUND);
    enum portable_end end = portable_write(&again, &out, &second);
    must(end == PORTABLE_AS_IS || (end == PORTABLE_WRITTEN && slice_equal(buf_slice(&out), body)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena a = {.max = 64 << 20};
    OWN(buf) struct buf out = {.max = 4 * size + (1 << 20)};
    struct mail_header h;
    struct portable made;

    mail_header_read(slice_of(data, size), &limits, false, &a, &h);
    if (h.defect != MAIL_SOUND) {
        return 0;
    }
    switch (portable_write(&h, &out, &made)) {
    case PORTABLE_AS_IS:
        check_lines(h.body);
        must(out.len == 0);
        break;
    case PORTABLE_WRITTEN:
        must(!out.full);
        check_lines(buf_slice(&out));
        check_again(&h, &made, buf_slice(&out), &a);
        break;
    case PORTABLE_NOT:
        must(out.len == 0 && made.why[0]);
        break;
    }
    return 0;
}
