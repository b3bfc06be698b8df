#include <stdlib.h>

#include "formats/scrub/scrub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was cleaned is not larger by more than a little, and nothing is found in it a second time. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(buf) struct buf out = {.max = 16 << 20};
    OWN(buf) struct buf again = {.max = 16 << 20};
    OWN(buf) struct buf what = {.max = 1000};
    OWN(buf) struct buf rest = {.max = 1000};

    if (scrub_file(slice_of(data, size), &out, &what) != SCRUB_CLEANED) {
        return 0;
    }
    bool office = size > 2 && data[0] == 'P';
    if (what.len == 0 || out.len == 0 ||
        (!office && scrub_file(buf_slice(&out), &again, &rest) == SCRUB_CLEANED)) {
        abort();
    }
    return 0;
}
