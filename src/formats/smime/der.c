#include "formats/smime/der.h"

void der_put(struct buf *out, unsigned tag, struct slice content)
{
    uint8_t length[5];
    size_t n = 0;

    for (size_t left = content.len; left > 0 || n == 0; left >>= 8) {
        length[n++] = (uint8_t)left; /* the least first */
    }
    buf_add_byte(out, (uint8_t)tag);
    if (content.len > 127) {
        buf_add_byte(out, (uint8_t)(0x80 + n));
    }
    while (n > 0) {
        buf_add_byte(out, length[--n]);
    }
    buf_add(out, content);
}

void der_wrap(struct buf *out, unsigned tag, struct buf *content)
{
    der_put(out, tag, buf_slice(content));
    out->full = out->full || content->full;
    buf_reset(content);
}
