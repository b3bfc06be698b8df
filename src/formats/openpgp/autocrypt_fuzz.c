#include <stdlib.h>

#include "formats/openpgp/autocrypt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read is inside the field, or shorter than what it was written as. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena a = {.max = 4 << 20};
    struct autocrypt read;

    if (size <= 2 * AUTOCRYPT_VALUE_MAX && autocrypt_read(slice_of(data, size), &a, &read) &&
        (size > AUTOCRYPT_VALUE_MAX || read.key.len >= size || read.address.len >= size ||
         read.address.ptr < data)) {
        abort();
    }
    return 0;
}
