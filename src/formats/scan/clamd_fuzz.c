#include <stdlib.h>

#include "formats/scan/clamd.h"

/* What a scanner, or who sits in its place, answers. A name is a word, and looks into the answer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clamd_answer answer;
    struct error e;

    if (!clamd_read(slice_of(data, size), &answer, &e)) {
        return 0;
    }
    bool named = answer.verdict == CLAMD_FOUND;
    if (named != (answer.name.len != 0) || answer.name.len > CLAMD_NAME_MAX) {
        abort();
    }
    for (size_t i = 0; i < answer.name.len; i++) {
        if (answer.name.ptr[i] <= ' ' || answer.name.ptr[i] >= 0x7f) {
            abort();
        }
    }
    return 0;
}
