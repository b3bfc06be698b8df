#include <stdlib.h>

#include "formats/lock/lock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever a file is, it stays as it is or comes out encrypted, and never in clear. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(buf) struct buf out = {.max = 64 << 20};
    struct slice bytes = slice_of(data, size);
    struct slice password = SLICE("tango-42-whiskey");
    struct error e;

    enum lock_form form = lock_form_of(bytes);
    if (form == LOCK_OFFICE || form == LOCK_PDF) {
        bool locked = lock_file(form, bytes, password, &out, &e);
        if (locked && (out.len == 0 || slice_equal(buf_slice(&out), bytes))) {
            abort();
        }
        if (locked && lock_form_of(buf_slice(&out)) != LOCK_ARCHIVE) { /* none reads it any more */
            abort();
        }
    }
    const struct lock_entry entry = {slice_head(bytes, 300), bytes};
    buf_reset(&out);
    if (!lock_archive(&entry, 1, "documents.zip", password, &out, &e) ||
        lock_form_of(buf_slice(&out)) != LOCK_ENCRYPTED) {
        abort();
    }
    return 0;
}
