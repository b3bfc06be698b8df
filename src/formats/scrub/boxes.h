/* formats/scrub/boxes - the boxes that HEIC, AVIF, films and JPEG XL are made of (ISO/IEC 14496-12 section 4.2), one behind the other. For
 * this module alone. Pure. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

struct box {
    struct slice raw; /* with its head */
    struct slice type;
    struct slice body;
};

/* Take the next box off *rest; false when it is not whole. One without a length reaches to the end. */
bool box_next(struct slice *rest, struct box *box);

/* Whether a type is one of those in `names`, which follow each other in four letters each. */
bool box_is_one_of(struct slice type, const char *names);

/* Numbers of a box that are read one after the other; `missing` once its end was passed. */
struct box_reader {
    struct slice rest;
    bool missing;
};

/* A number of 0 to 8 bytes, the highest first; 0 behind the end. */
uint64_t box_take(struct box_reader *r, size_t bytes);
