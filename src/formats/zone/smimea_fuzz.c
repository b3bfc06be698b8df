/* SMIMEA: a line with an address, then a record's data. */
#include <assert.h>

#include "formats/zone/smimea.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = (size_t)1 << 20};
    struct slice rest = SLICE_NONE;
    struct slice address = slice_cut(slice_of(data, size), '\n', &rest);
    struct slice certificate = SLICE_NONE;
    struct slice name = SLICE_NONE;

    if (smimea_name(address, &arena, &name)) {
        assert(name.len > 68 && name.len <= 253);
        for (size_t i = 0; i < name.len; i++) {
            assert(name.ptr[i] > ' ' && name.ptr[i] < 0x7f);
        }
    }
    enum smimea_use use = smimea_read(rest, &certificate);
    assert((use >= SMIMEA_ISSUED) == (certificate.len > 0));
    assert(certificate.len == 0 || certificate.len == rest.len - 3);
    return 0;
}
