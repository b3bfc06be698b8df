#include <stdlib.h>

#include "stages/retention/book.h"
#include "stages/retention/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes are a pack, all of whose classes are rules that may be set, or a sentence that names the file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = CONFIG_ARENA_MAX};
    struct retention_pack pack;
    struct error e = {0};

    if (!retention_pack_read(slice_of(data, size), "f", &arena, &pack, &e)) {
        if (e.kind != ERROR_CONFIG || !slice_starts(slice_text(e.text), SLICE("f:"))) {
            abort();
        }
        return 0;
    }
    const struct retention_class *classes = pack.classes.items;
    for (size_t i = 0; i < pack.classes.count; i++) {
        struct rule rule;
        retention_pack_rule(&pack, &classes[i], SLICE("f"), &rule);
        if (!retention_rule_check(&rule, &e)) {
            abort();
        }
    }
    return 0;
}
