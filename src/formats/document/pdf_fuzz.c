#include <stdlib.h>

#include "formats/document/pdf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool enough(void *bytes, size_t unpacked)
{
    size_t *left = bytes;

    *left -= unpacked < *left ? unpacked : *left;
    return *left > 0;
}

static void take_file(void *bytes, struct slice name, struct slice file)
{
    (void)bytes;
    if (name.len > 1024 || file.len > PDF_TEXT_MAX) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(buf) struct buf text = {.max = PDF_TEXT_MAX};
    size_t left = 8u << 20;
    const struct pdf_reader reader = {enough, take_file, &left};
    struct pdf_found found;

    text_from_pdf(slice_of(data, size), &reader, &text, &found);
    return 0;
}
