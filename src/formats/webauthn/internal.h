/* formats/webauthn/internal - the JSON and CBOR below the parsers, for the module's own files. */
#pragma once

#include "base/buf.h"

#include "formats/webauthn/webauthn.h"

/* ── JSON (RFC 8259): one event at a time ── */

#define JSON_DEPTH_MAX 8

enum json_event {
    JSON_BAD,
    JSON_END, /* of the text: one value was read, and nothing stands behind it */
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_CLOSE, /* of an object or array */
    JSON_KEY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
};

enum json_expects { JSON_A_VALUE, JSON_FIRST, JSON_A_COMMA };

struct json {
    struct slice rest;
    struct buf text; /* of the last key or string, without escapes */
    bool is_object[JSON_DEPTH_MAX];
    unsigned depth; /* objects and arrays that are open */
    enum json_expects expects;
};

/* `text_max`: bytes of the longest key or string. */
void json_init(struct json *j, struct slice in, size_t text_max);
void json_done(struct json *j);
enum json_event json_next(struct json *j);

OWN_BY(json, struct json, json_done)

/* A member that is looked for: its name, and that of the object within the outermost one; NULL: the outermost itself. */
struct json_member {
    const char *parent;
    const char *name;
    enum json_event kind; /* JSON_STRING, or JSON_TRUE for true or false */
    bool given;
    bool truth;
    struct slice text; /* in the arena */
};

/* Find members of an object; others are read over. False when it is no object, when one is there twice or is of another
 * kind. */
bool json_find(struct slice in, struct json_member *members, size_t n, size_t text_max,
               struct arena *arena) MUST_CHECK;

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
