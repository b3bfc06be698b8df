#include <stdlib.h>

#include "formats/cbor/cbor.h"

/* What reads must write back to the very same bytes: the encoding is deterministic. */
struct node {
    uint64_t u;
    int64_t i;
    struct slice bytes;
    struct slice text;
    struct cbor_list texts;
    struct cbor_list children;
};

static const struct cbor_field leaf_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct node, u, 1000000),
    CBOR_OPTIONAL(2, CBOR_INT, struct node, i, 0),
    CBOR_OPTIONAL(200, CBOR_BYTES, struct node, bytes, 64),
};
static const struct cbor_schema leaf_schema = CBOR_SCHEMA(leaf_fields, struct node);

static const struct cbor_field node_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct node, u, 0),
    CBOR_OPTIONAL(2, CBOR_INT, struct node, i, 0),
    CBOR_OPTIONAL(3, CBOR_BYTES, struct node, bytes, 1000),
    CBOR_OPTIONAL(4, CBOR_TEXT, struct node, text, 1000),
    CBOR_OPTIONAL(5, CBOR_TEXTS, struct node, texts, 100),
    CBOR_SUB_OPTIONAL(24, CBOR_LIST, struct node, children, 100, &leaf_schema),
};
static const struct cbor_schema node_schema = CBOR_SCHEMA(node_fields, struct node);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(buf) struct buf again = {.max = size};
    struct slice in = slice_of(data, size);
    struct node n;
    struct error e;

    if (!cbor_read(in, &node_schema, &a, &n, &e)) {
        if (e.kind != ERROR_INPUT) {
            abort();
        }
        return 0;
    }
    cbor_write(&again, &node_schema, &n);
    if (again.full || !slice_equal(buf_slice(&again), in)) {
        abort();
    }
    return 0;
}
