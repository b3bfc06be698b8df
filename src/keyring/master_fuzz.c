/* Any bytes as a master key file: what is accepted is written the same again. */
#include <string.h>

#include "keyring/master_form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    OWN(master_form) struct master_form f = {0};
    OWN(buf) struct buf again = {.max = MASTER_LINE_MAX};
    struct error e;

    if (!master_form_read(slice_of(data, len), &f, &e)) {
        return 0;
    }
    bool first = slice_starts(slice_of(data, len), SLICE("postern-master-key 1 "));
    master_form_begin(&f, &again);
    master_form_end(&f, &again);
    /* Version 2 of the first generation as a file is what version 1 says as well; numbers may have zeros in front. */
    bool other =
        (f.kept == MASTER_FILE && f.generation == 1 && !first) || memmem(data, len, " 0", 2);
    if (again.full || (!other && !slice_equal(buf_slice(&again), slice_of(data, len)))) {
        __builtin_trap();
    }
    return 0;
}
