/* Any bytes as a backup's manifest: what is accepted names nothing outside and reads back. */
#include <string.h>

#include "cli/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    OWN(arena) struct arena arena = {.max = (size_t)64 << 20};
    OWN(buf) struct buf again = {.max = MANIFEST_MAX};
    struct manifest m;
    struct manifest same;
    struct error e;

    if (!manifest_read(slice_of(data, len), &arena, &m, &e)) {
        return 0;
    }
    manifest_begin(&again, m.records);
    for (size_t i = 0; i < m.count; i++) {
        const struct manifest_file *f = &m.files[i];
        if (strchr(f->name, '/') || f->name[0] == '.') {
            __builtin_trap();
        }
        manifest_add(&again, arena_text(&arena, f->directory), f->name, &f->copy);
    }
    if (!manifest_read(buf_slice(&again), &arena, &same, &e) || same.count != m.count) {
        __builtin_trap();
    }
    return 0;
}
