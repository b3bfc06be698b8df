/* What is found lies in the body, in order and apart, and is large enough. */
#include <stdlib.h>

#include "ledger/parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct part found[PARTS_MAX];
    size_t behind = 0;

    size_t n = parts_find(slice_of(data, len), found);
    for (size_t i = 0; i < n; i++) {
        if (found[i].at < behind || found[i].len < PART_MIN || found[i].len > PART_LIMIT ||
            found[i].at > len || found[i].len > len - found[i].at) {
            __builtin_trap();
        }
        behind = found[i].at + found[i].len;
    }
    return 0;
}
