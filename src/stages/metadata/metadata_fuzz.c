#include <stdlib.h>

#include "formats/mime/header.h"
#include "letter/records.h"
#include "stages/metadata/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever a letter is, one where nothing is to be taken out comes out as it went in. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    OWN(arena) struct arena arena = {.max = METADATA_ARENA_MAX};
    OWN(buf) struct buf letter = {.max = 1 << 20};
    OWN(buf) struct buf out = {.max = LETTER_BYTES_MAX};
    struct metadata_cleaned cleaned;
    struct error e = {0};

    if (!ready) {
        mime_init();
        ready = true;
    }
    buf_add(&letter, slice_of(data, size));
    if (!metadata_clean(buf_slice(&letter), &arena, &out, &cleaned, &e)) {
        return 0;
    }
    if (cleaned.texts.count > METADATA_TEXTS_MAX + 1 ||
        (!cleaned.changed && !slice_equal(buf_slice(&letter), buf_slice(&out)))) {
        abort();
    }
    return 0;
}
