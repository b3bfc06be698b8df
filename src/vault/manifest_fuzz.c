/* Any bytes as a manifest: what is accepted names nothing outside and reads back the same. */
#include "vault/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    OWN(arena) struct arena arena = {.max = (size_t)64 << 20};
    OWN(buf) struct buf again = {.max = MANIFEST_SIZE_MAX};
    struct vault_manifest m;
    struct error e;

    if (len > (1 << 16) || !vault_manifest_read(slice_of(data, len), &arena, &m, &e)) {
        return 0;
    }
    const struct vault_file *files = m.files.items;
    for (size_t i = 0; i < m.files.count; i++) {
        struct slice name = files[i].name;
        if (name.len == 0 || name.ptr[0] == '.' || slice_find(name, '/') != name.len ||
            slice_find(files[i].directory, '/') != files[i].directory.len) {
            __builtin_trap();
        }
    }
    vault_manifest_write(&m, &again);
    if (!slice_equal(buf_slice(&again), slice_of(data, len))) {
        __builtin_trap();
    }
    return 0;
}
