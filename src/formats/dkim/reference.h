/* formats/dkim/reference - relaxed body canonicalisation as RFC 6376 section 3.4.4 words it, line
 * by line and slowly: the oracle of the tests. Not part of the library. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

static inline size_t reference_line_length(struct slice s)
{
    for (size_t i = 0; i + 1 < s.len; i++) {
        if (s.ptr[i] == '\r' && s.ptr[i + 1] == '\n') {
            return i;
        }
    }
    return s.len;
}

static inline void reference_relax_body(struct buf *out, struct slice body)
{
    size_t kept = 0;

    while (body.len) {
        struct slice line = slice_head(body, reference_line_length(body));
        body = slice_from(body, line.len + 2);
        bool space = false;
        for (size_t i = 0; i < line.len; i++) {
            if (line.ptr[i] == ' ' || line.ptr[i] == '\t') {
                space = true;
                continue;
            }
            if (space) {
                buf_add_byte(out, ' ');
            }
            space = false;
            buf_add_byte(out, line.ptr[i]);
            kept = out->len + 2; /* lines behind the last that holds something are dropped */
        }
        buf_add_text(out, "\r\n");
    }
    out->len = kept;
}
