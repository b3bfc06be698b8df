#include <stdlib.h>

#include "formats/document/archive.h"
#include "formats/document/kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ENOUGH (1 << 20)

static bool count(void *sum, struct slice bytes)
{
    size_t *n = sum;

    *n += bytes.len;
    return *n < ENOUGH;
}

/* Whatever the directory says, entries come out in bounded pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_of(data, size);
    bool encrypted = false;
    size_t sum = 0;

    (void)document_kind_of_bytes(bytes);
    (void)document_is_text(bytes);
    if (size && !document_ole_reason(bytes, &encrypted)) {
        abort();
    }
    OWN(archive) struct archive *a = archive_open(bytes);
    for (size_t i = 0; a && i < archive_count(a) && sum < ENOUGH; i++) {
        struct archive_entry entry;
        if (archive_entry(a, i, &entry) && entry.supported && !entry.encrypted) {
            (void)archive_read(a, i, count, &sum);
        }
    }
    return 0;
}
