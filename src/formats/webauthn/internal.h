/* formats/webauthn/internal - the base64url and CBOR below the parsers, for the module's own files. */
#pragma once

#include "formats/webauthn/webauthn.h"

/* Decode base64url without padding; false when it is none. */
bool base64_read(struct slice text, struct arena *arena, struct slice *out) MUST_CHECK;

/* ── CBOR (RFC 8949), in shortest form and without indefinite lengths ── */

enum cbor_major {
    CBOR_MAJOR_UINT,
    CBOR_MAJOR_NEGATIVE,
    CBOR_MAJOR_BYTES,
    CBOR_MAJOR_TEXT,
    CBOR_MAJOR_ARRAY,
    CBOR_MAJOR_MAP,
    CBOR_MAJOR_TAG,
    CBOR_MAJOR_SIMPLE
};

/* Read an item's head off the front; false when there is none. */
bool item_head(struct slice *rest, enum cbor_major *major, uint64_t *value) MUST_CHECK;

/* Read a small integer, positive or not. */
bool item_integer(struct slice *rest, int64_t *value) MUST_CHECK;

/* Read a string of this kind. */
bool item_string(struct slice *rest, enum cbor_major major, struct slice *out) MUST_CHECK;

/* Read the head of a map or array. */
bool item_count(struct slice *rest, enum cbor_major major, uint64_t *count) MUST_CHECK;

/* Read over a whole item of at most some nesting. */
bool item_skip(struct slice *rest) MUST_CHECK;
