/* formats/cbor - C structs to deterministic CBOR and back, described by tables.
 *
 * Records of the ledger and requests between processes are structs; a schema names each member,
 * its integer key and its bounds. Writing follows RFC 8949 section 4.2 (core deterministic
 * encoding), so equal values have equal bytes. Reading accepts that encoding alone: shortest
 * lengths, keys ascending and known, no indefinite lengths, tags or floats, nothing behind the
 * end. Pure: no I/O; lists are allocated from the caller's arena, bytes and texts are views into
 * the input. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#define CBOR_DEPTH_MAX 8 /* schemas nested in schemas */

enum cbor_kind {
    CBOR_UINT,   /* uint64_t                                  max: largest value, 0 = any  */
    CBOR_INT,    /* int64_t                                                                */
    CBOR_BOOL,   /* bool                                                                   */
    CBOR_BYTES,  /* struct slice                              max: length in bytes         */
    CBOR_TEXT,   /* struct slice, valid UTF-8                 max: length in bytes         */
    CBOR_STRUCT, /* the sub-schema's struct, in place                                      */
    CBOR_LIST,   /* struct cbor_list of the sub-schema's struct   max: number of items     */
    CBOR_TEXTS,  /* struct cbor_list of struct slice (text)       max: number of items     */
};

/* A list member: `items` points at `count` consecutive structs (or slices for CBOR_TEXTS). */
struct cbor_list {
    void *items;
    size_t count;
};

struct cbor_schema;

struct cbor_field {
    uint8_t key; /* 1 to 255, ascending within a schema; never reused for another meaning */
    uint8_t kind;
    bool optional; /* left out when zero, false, empty, none or all of it so; reads back as that */
    uint16_t offset;
    uint64_t max;
    const struct cbor_schema *sub; /* for CBOR_STRUCT and CBOR_LIST */
};

struct cbor_schema {
    const char *name; /* for error sentences */
    const struct cbor_field *fields;
    size_t n_fields;
    size_t size; /* of the struct */
};

/* Version 14 would take these initialisers for blocks. */
/* clang-format off */
/* One row of a schema's table, e.g. CBOR_FIELD(1, CBOR_UINT, struct facts, size, MAX). */
#define CBOR_FIELD(key, kind, type, member, max)                                                   \
    {key, kind, false, offsetof(type, member), max, NULL}
#define CBOR_OPTIONAL(key, kind, type, member, max)                                                \
    {key, kind, true, offsetof(type, member), max, NULL}
#define CBOR_SUB(key, kind, type, member, max, schema)                                             \
    {key, kind, false, offsetof(type, member), max, schema}
#define CBOR_SUB_OPTIONAL(key, kind, type, member, max, schema)                                    \
    {key, kind, true, offsetof(type, member), max, schema}

#define CBOR_SCHEMA(table, type) {#type, table, sizeof(table) / sizeof((table)[0]), sizeof(type)}
/* clang-format on */

/* Append `value` (a struct of the schema's type) to out. Check out->full afterwards. */
void cbor_write(struct buf *out, const struct cbor_schema *schema, const void *value);

/* Append what cbor_write() appends but for the bytes of the last member, which is CBOR_BYTES and not optional: with
 * them behind it, it is the whole. For a letter that need not be copied to be encoded. */
void cbor_write_front(struct buf *out, const struct cbor_schema *schema, const void *value);

/**
 * Read one value that fills `in` exactly.
 *
 * @param value  a struct of the schema's type; zeroed, then filled. Its slices look into `in`,
 *               its lists come from the arena. Unspecified after a failure.
 * @return       false with ERROR_INPUT when `in` is not the deterministic encoding of a value
 *               within the schema's bounds; the sentence names schema and key
 */
bool cbor_read(struct slice in, const struct cbor_schema *schema, struct arena *arena, void *value,
               struct error *e) MUST_CHECK;
