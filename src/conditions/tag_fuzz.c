#include <stdlib.h>

#include "conditions/tag.h"
#include "formats/mail/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is the tag, the rest a subject. What comes back is no field that could be read as more than one, holds the tag no
 * more where it was changed, and is never longer than what encoding makes of it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = 64 << 20};
    struct slice value = SLICE_NONE;
    struct slice tag = slice_cut(slice_of(data, size), '\n', &value);
    size_t at = 0;
    size_t len = 0;

    if (tag_find(value, tag, &at, &len) && (len == 0 || at + len > value.len)) {
        abort();
    }
    struct slice left = tag_remove(value, &tag, 1, &arena);
    if (left.ptr == value.ptr) {
        return 0;
    }
    for (size_t i = 0; i < left.len; i++) {
        bool folds = left.ptr[i] == '\n' && i && left.ptr[i - 1] == '\r' && i + 1 < left.len &&
                     left.ptr[i + 1] == ' ';
        if (left.ptr[i] == '\n' && !folds) {
            abort();
        }
    }
    if (left.len > 8 * value.len + 100) {
        abort();
    }
    return 0;
}
