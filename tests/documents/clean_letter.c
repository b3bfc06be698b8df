/* What an inspector makes of a letter whose files are to say nothing of who made them: from standard input to standard output, what it says of it
 * to standard error. For tests/system/test_metadata.py. */
#include <stdio.h>

#include "formats/mime/header.h"
#include "letter/records.h"
#include "stages/metadata/metadata.h"

int main(void)
{
    OWN(arena) struct arena arena = {.max = METADATA_ARENA_MAX};
    OWN(buf) struct buf letter = {.max = LETTER_BYTES_MAX};
    OWN(buf) struct buf out = {.max = 2 * LETTER_BYTES_MAX};
    struct metadata_cleaned cleaned;
    struct error e = {0};
    uint8_t block[65536];
    size_t n = 0;

    mime_init();
    while ((n = fread(block, 1, sizeof(block), stdin)) > 0) {
        buf_add(&letter, slice_of(block, n));
    }
    if (!metadata_clean(buf_slice(&letter), &arena, &out, &cleaned, &e)) {
        (void)fprintf(stderr, "%s\n", e.text);
        return 65;
    }
    (void)fwrite(out.ptr, 1, out.len, stdout);
    for (size_t i = 0; i < cleaned.texts.count; i++) {
        (void)fprintf(stderr, "%.*s\n", SLICE_ARG(((const struct slice *)cleaned.texts.items)[i]));
    }
    return 0;
}
