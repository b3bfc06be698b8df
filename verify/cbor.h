/* verify/cbor - a flat map with numbers as keys, in the deterministic encoding of RFC 8949 section 4.2.1.
 *
 * With members that are lists, for what a certificate opens. Anything else, however well encoded, is refused. */
#pragma once

#include "verify/bytes.h"

enum member_kind {
    MEMBER_UINT,
    MEMBER_INT,
    MEMBER_BYTES,
    MEMBER_TEXT,
    MEMBER_TRUE, /* only there when it is */
    MEMBER_LIST, /* its bytes are the items, `number` of them */
};

struct member {
    uint64_t key;
    enum member_kind kind;
    bool optional; /* left out when its value is 0 or empty */
    uint64_t min;  /* of a number's value, or of the bytes' length */
    uint64_t max;
};

struct value {
    uint64_t number; /* of an int: its two's complement */
    struct view bytes;
};

/* Read a map that has these members and no others, in this order. `values` is set to one for each.
 * False when it is not exactly that. The bytes look into `body`. */
bool cbor_members(struct view body, const struct member *members, size_t n, struct value *values)
    __attribute__((warn_unused_result));

/* Read one member of a map, and pass over the others. False when it is no map, or has no such member and should. */
bool cbor_pick(struct view body, const struct member *member, struct value *value)
    __attribute__((warn_unused_result));

/* Take the next item off a list: a map or a text as a whole, with its head. False when it is neither, or nested too
 * deep. */
bool cbor_item(struct view *rest, struct view *item) __attribute__((warn_unused_result));
