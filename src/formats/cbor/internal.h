/* formats/cbor/internal - the bytes of RFC 8949 that reader and writer share. */
#pragma once

#include "formats/cbor/cbor.h"

enum {
    CBOR_MAJOR_UINT = 0,
    CBOR_MAJOR_NEGATIVE = 1,
    CBOR_MAJOR_BYTES = 2,
    CBOR_MAJOR_TEXT = 3,
    CBOR_MAJOR_ARRAY = 4,
    CBOR_MAJOR_MAP = 5,
};

enum {
    CBOR_ARG_1 = 24, /* the argument follows in 1, 2, 4 or 8 bytes */
    CBOR_ARG_2 = 25,
    CBOR_ARG_4 = 26,
    CBOR_ARG_8 = 27,
    CBOR_FALSE = 0xf4,
    CBOR_TRUE = 0xf5,
};

/* Whether a member holds what an optional one is left out for: zero, false, none. */
bool cbor_is_empty(const struct cbor_field *f, const void *member);
