#include <stdlib.h>

#include "formats/document/office.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* First byte: family and kind of entry. The rest is the entry, given in two pieces: where it is cut
 * changes nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct slice names[] = {SLICE_INIT("word/document.xml"),
                                         SLICE_INIT("docProps/core.xml")};
    struct buf out[2] = {{.max = 1 << 20}, {.max = 1 << 20}};
    struct buf aside[2] = {{.max = 1 << 20}, {.max = 1 << 20}};
    bool sound[2];

    if (size < 2) {
        return 0;
    }
    enum office_family family = data[0] & 1 ? OFFICE_ODF : OFFICE_OOXML;
    struct slice bytes = slice_of(data + 2, size - 2);
    for (int i = 0; i < 2; i++) {
        size_t cut = i ? data[1] % (bytes.len + 1) : bytes.len;
        OWN(office_text)
        struct office_text *t =
            office_text_new(family, names[data[0] >> 1 & 1], &out[i], &aside[i]);
        sound[i] = office_text_add(t, slice_head(bytes, cut)) &&
                   office_text_add(t, slice_from(bytes, cut)) && office_text_end(t);
    }
    if (sound[0] != sound[1] ||
        (sound[0] && (!slice_equal(buf_slice(&out[0]), buf_slice(&out[1])) ||
                      !slice_equal(buf_slice(&aside[0]), buf_slice(&aside[1]))))) {
        abort();
    }
    for (int i = 0; i < 2; i++) {
        buf_done(&out[i]);
        buf_done(&aside[i]);
    }
    return 0;
}
