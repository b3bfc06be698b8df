#include <endian.h>

#include "formats/cbor/cbor.h"
#include "formats/cbor/internal.h"

/* RFC 8949 section 3: major type and argument, in the shortest form that holds it. */
static void put_head(struct buf *out, uint8_t major, uint64_t value)
{
    uint8_t top = (uint8_t)(major << 5);
    uint8_t head[9];
    size_t width = 0;

    if (value < CBOR_ARG_1) {
        buf_add_byte(out, (uint8_t)(top | value));
        return;
    }
    if (value <= UINT8_MAX) {
        width = 1;
        head[0] = top | CBOR_ARG_1;
    } else if (value <= UINT16_MAX) {
        width = 2;
        head[0] = top | CBOR_ARG_2;
    } else if (value <= UINT32_MAX) {
        width = 4;
        head[0] = top | CBOR_ARG_4;
    } else {
        width = 8;
        head[0] = top | CBOR_ARG_8;
    }
    uint64_t big = htobe64(value);
    (void)memcpy(head + 1, (const uint8_t *)&big + sizeof(big) - width, width);
    buf_add(out, slice_of(head, 1 + width));
}

static void put_string(struct buf *out, uint8_t major, struct slice s)
{
    put_head(out, major, s.len);
    buf_add(out, s);
}

static void put_int(struct buf *out, int64_t value)
{
    if (value < 0) {
        put_head(out, CBOR_MAJOR_NEGATIVE, (uint64_t)~value); /* encodes -1 - value */
    } else {
        put_head(out, CBOR_MAJOR_UINT, (uint64_t)value);
    }
}

static void put_list(struct buf *out, const struct cbor_field *f, const struct cbor_list *list)
{
    put_head(out, CBOR_MAJOR_ARRAY, list->count);
    for (size_t i = 0; i < list->count; i++) {
        if (f->kind == CBOR_TEXTS) {
            put_string(out, CBOR_MAJOR_TEXT, ((const struct slice *)list->items)[i]);
        } else {
            cbor_write(out, f->sub, (const uint8_t *)list->items + i * f->sub->size);
        }
    }
}

static void put_value(struct buf *out, const struct cbor_field *f, const void *member)
{
    switch ((enum cbor_kind)f->kind) {
    case CBOR_UINT:
        put_head(out, CBOR_MAJOR_UINT, *(const uint64_t *)member);
        return;
    case CBOR_INT:
        put_int(out, *(const int64_t *)member);
        return;
    case CBOR_BOOL:
        buf_add_byte(out, *(const bool *)member ? CBOR_TRUE : CBOR_FALSE);
        return;
    case CBOR_BYTES:
        put_string(out, CBOR_MAJOR_BYTES, *(const struct slice *)member);
        return;
    case CBOR_TEXT:
        put_string(out, CBOR_MAJOR_TEXT, *(const struct slice *)member);
        return;
    case CBOR_STRUCT:
        cbor_write(out, f->sub, member);
        return;
    case CBOR_LIST:
    case CBOR_TEXTS:
        put_list(out, f, member);
        return;
    }
}

/* An optional member that holds nothing is left out. */
static bool is_absent(const struct cbor_field *f, const void *member)
{
    return f->optional && cbor_is_empty(f, member);
}

/* Whether every member is. */
static bool is_hollow(const struct cbor_schema *s, const void *value)
{
    bool hollow = true;

    for (size_t i = 0; i < s->n_fields; i++) {
        const struct cbor_field *f = &s->fields[i];
        hollow = hollow && cbor_is_empty(f, (const uint8_t *)value + f->offset);
    }
    return hollow;
}

bool cbor_is_empty(const struct cbor_field *f, const void *member)
{
    switch ((enum cbor_kind)f->kind) {
    case CBOR_UINT:
    case CBOR_INT:
        return *(const uint64_t *)member == 0;
    case CBOR_BOOL:
        return !*(const bool *)member;
    case CBOR_BYTES:
    case CBOR_TEXT:
        return ((const struct slice *)member)->len == 0;
    case CBOR_LIST:
    case CBOR_TEXTS:
        return ((const struct cbor_list *)member)->count == 0;
    case CBOR_STRUCT:
        return is_hollow(f->sub, member);
    }
    return false;
}

/* The map's head and its first `n` members. */
static void put_members(struct buf *out, const struct cbor_schema *schema, const void *value,
                        size_t n)
{
    uint64_t present = 0;

    for (size_t i = 0; i < schema->n_fields; i++) {
        const struct cbor_field *f = &schema->fields[i];
        present += !is_absent(f, (const uint8_t *)value + f->offset);
    }
    put_head(out, CBOR_MAJOR_MAP, present);
    for (size_t i = 0; i < n; i++) {
        const struct cbor_field *f = &schema->fields[i];
        const void *member = (const uint8_t *)value + f->offset;
        if (!is_absent(f, member)) {
            put_head(out, CBOR_MAJOR_UINT, f->key);
            put_value(out, f, member);
        }
    }
}

void cbor_write(struct buf *out, const struct cbor_schema *schema, const void *value)
{
    put_members(out, schema, value, schema->n_fields);
}

void cbor_write_front(struct buf *out, const struct cbor_schema *schema, const void *value)
{
    const struct cbor_field *last = &schema->fields[schema->n_fields - 1];
    const struct slice *bytes = (const void *)((const uint8_t *)value + last->offset);

    put_members(out, schema, value, schema->n_fields - 1);
    put_head(out, CBOR_MAJOR_UINT, last->key);
    put_head(out, CBOR_MAJOR_BYTES, bytes->len);
}
