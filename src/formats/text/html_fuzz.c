#include <stdlib.h>

#include "formats/text/html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Text is never longer than three times the markup it came from ("&#x0" is four bytes for
 * three). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(buf) struct buf all = {.max = 3 * size};
    OWN(buf) struct buf some = {.max = 100};

    text_from_html(slice_of(data, size), &all);
    text_from_html(slice_of(data, size), &some);
    if (all.full || (some.len && memcmp(some.ptr, all.ptr, some.len) != 0)) {
        abort();
    }
    return 0;
}
