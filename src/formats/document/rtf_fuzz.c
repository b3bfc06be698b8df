#include <stdlib.h>

#include "formats/document/rtf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_ascii(unsigned page, struct slice bytes, struct buf *out)
{
    (void)page;
    for (size_t i = 0; i < bytes.len; i++) {
        buf_add_byte(out, bytes.ptr[i] & 0x7f);
    }
}

/* Text is never longer than the document: "\'e9" is four bytes for one, "\u1" three for one to
 * three. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(buf) struct buf all = {.max = 2 * size + 64};
    struct rtf_found found;

    text_from_rtf(slice_of(data, size), take_ascii, &all, &found);
    if (all.full) {
        abort();
    }
    return 0;
}
