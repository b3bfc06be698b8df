#include "formats/cms/der.h"

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

struct slice der_first(struct slice s)
{
    if (s.len < 2 || s.ptr[0] != DER_SEQUENCE) {
        return SLICE_NONE;
    }
    size_t n = s.ptr[1] == 0x81 ? 1 : s.ptr[1] == 0x82 ? 2 : 0; /* bytes of a long length */
    size_t len = n ? 0 : s.ptr[1];
    if (s.len < 2 + n || (!n && len > 127)) {
        return SLICE_NONE;
    }
    for (size_t i = 0; i < n; i++) {
        len = len << 8 | s.ptr[2 + i];
    }
    return len <= s.len - 2 - n ? slice_head(s, 2 + n + len) : SLICE_NONE;
}
