#include <stdlib.h>

#include "config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes end in values or in sentences: never in an abort, and with or without counting the
 * problems the verdict and the first sentence are the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = CONFIG_ARENA_MAX};
    struct config_problems problems;
    struct settings settings;
    struct error all;
    struct error first;
    struct slice in = slice_of(data, size);

    bool good = settings_read(in, "f", &arena, &settings, &problems, &all);
    if (good != (all.kind == ERROR_NONE) || good != (problems.count == 0)) {
        abort();
    }
    if (settings_read(in, "f", &arena, &settings, NULL, &first) != good ||
        strcmp(all.text, first.text) != 0) {
        abort();
    }
    return 0;
}
