#include "formats/cbor/cbor.h"
#include "formats/cbor/internal.h"

struct reader {
    struct slice rest;
    struct arena *arena;
    struct error *e;
    unsigned depth;
};

static bool bad(struct reader *r, const struct cbor_schema *s, unsigned key, const char *why)
{
    return error_set(r->e, ERROR_INPUT, "%s: key %u: %s", s->name, key, why);
}

/* Read major type and argument; false on a truncated, indefinite or longer than necessary one. */
static bool get_head(struct reader *r, uint8_t *major, uint64_t *value)
{
    if (r->rest.len == 0) {
        return false;
    }
    uint8_t first = r->rest.ptr[0];
    uint8_t low = first & 0x1f;
    *major = first >> 5;
    r->rest = slice_from(r->rest, 1);
    if (low < CBOR_ARG_1) {
        *value = low;
        return true;
    }
    if (low > CBOR_ARG_8) {
        return false;
    }
    size_t width = (size_t)1 << (low - CBOR_ARG_1);
    if (r->rest.len < width) {
        return false;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < width; i++) {
        sum = sum << 8 | r->rest.ptr[i];
    }
    r->rest = slice_from(r->rest, width);
    *value = sum;
    /* Deterministic: the next narrower form must not have been enough. */
    return width == 1 ? sum >= CBOR_ARG_1 : sum >> (width * 4) != 0;
}

static bool get_of(struct reader *r, uint8_t wanted, uint64_t *value)
{
    uint8_t major = 0;
    return get_head(r, &major, value) && major == wanted;
}

static bool get_string(struct reader *r, uint8_t major, uint64_t max, struct slice *out)
{
    uint64_t len = 0;

    if (!get_of(r, major, &len) || len > r->rest.len || len > max) {
        return false;
    }
    *out = slice_head(r->rest, (size_t)len);
    r->rest = slice_from(r->rest, (size_t)len);
    return major != CBOR_MAJOR_TEXT || slice_is_utf8(*out);
}

static bool get_bool(struct reader *r, bool *out)
{
    if (r->rest.len == 0 || (r->rest.ptr[0] != CBOR_TRUE && r->rest.ptr[0] != CBOR_FALSE)) {
        return false;
    }
    *out = r->rest.ptr[0] == CBOR_TRUE;
    r->rest = slice_from(r->rest, 1);
    return true;
}

static bool get_int(struct reader *r, int64_t *out)
{
    uint8_t major = 0;
    uint64_t value = 0;

    if (!get_head(r, &major, &value) || value > INT64_MAX || major > CBOR_MAJOR_NEGATIVE) {
        return false;
    }
    *out = major == CBOR_MAJOR_NEGATIVE ? -1 - (int64_t)value : (int64_t)value;
    return true;
}

static bool get_uint(struct reader *r, uint64_t max, uint64_t *out)
{
    return get_of(r, CBOR_MAJOR_UINT, out) && (max == 0 || *out <= max);
}

static bool get_map(struct reader *r, const struct cbor_schema *s, void *value);

/* Every item takes at least one byte of input, so `count` cannot make us allocate more than a
 * fixed multiple of what the peer really sent. */
static bool get_list(struct reader *r, const struct cbor_field *f, struct cbor_list *out)
{
    uint64_t count = 0;
    size_t size = f->kind == CBOR_TEXTS ? sizeof(struct slice) : f->sub->size;

    if (!get_of(r, CBOR_MAJOR_ARRAY, &count) || count > f->max || count > r->rest.len) {
        return false;
    }
    out->items = count ? arena_array(r->arena, (size_t)count, size) : NULL;
    out->count = (size_t)count;
    for (size_t i = 0; i < out->count; i++) {
        uint8_t *item = (uint8_t *)out->items + i * size;
        if (f->kind == CBOR_TEXTS) {
            struct slice text = SLICE_NONE;
            if (!get_string(r, CBOR_MAJOR_TEXT, r->rest.len, &text)) {
                return false;
            }
            (void)memcpy(item, &text, sizeof(text));
        } else if (!get_map(r, f->sub, item)) {
            return false;
        }
    }
    return true;
}

static bool get_value(struct reader *r, const struct cbor_field *f, void *member)
{
    switch ((enum cbor_kind)f->kind) {
    case CBOR_UINT:
        return get_uint(r, f->max, member);
    case CBOR_INT:
        return get_int(r, member);
    case CBOR_BOOL:
        return get_bool(r, member);
    case CBOR_BYTES:
        return get_string(r, CBOR_MAJOR_BYTES, f->max, member);
    case CBOR_TEXT:
        return get_string(r, CBOR_MAJOR_TEXT, f->max, member);
    case CBOR_STRUCT:
        return get_map(r, f->sub, member);
    case CBOR_LIST:
    case CBOR_TEXTS:
        return get_list(r, f, member);
    }
    return false;
}

static bool get_field(struct reader *r, const struct cbor_schema *s, const struct cbor_field *f,
                      void *value)
{
    void *member = (uint8_t *)value + f->offset;

    if (!get_value(r, f, member)) {
        return r->e->kind != ERROR_NONE ? false : bad(r, s, f->key, "malformed or out of bounds");
    }
    /* One value has one encoding: an optional member that is present must hold something. */
    if (f->optional && cbor_is_empty(f, member)) {
        return bad(r, s, f->key, "present but empty");
    }
    return true;
}

/* Pass over the rows below `key`, which the map has not; false when one of them is demanded. */
static bool skip_absent(struct reader *r, const struct cbor_schema *s, size_t *row, uint64_t key)
{
    for (; *row < s->n_fields && s->fields[*row].key < key; (*row)++) {
        if (!s->fields[*row].optional) {
            return bad(r, s, s->fields[*row].key, "missing");
        }
    }
    return true;
}

/* Both the map's keys and the schema's rows ascend, so one pass matches them. */
static bool get_fields(struct reader *r, const struct cbor_schema *s, uint64_t pairs, void *value)
{
    size_t row = 0;

    for (uint64_t i = 0; i < pairs; i++) {
        uint64_t key = 0;
        if (!get_of(r, CBOR_MAJOR_UINT, &key) || key > UINT8_MAX) {
            return bad(r, s, 0, "a key is no small number");
        }
        if (!skip_absent(r, s, &row, key)) {
            return false;
        }
        if (row == s->n_fields || s->fields[row].key != key) {
            return bad(r, s, (unsigned)key, "unknown, repeated or out of order");
        }
        if (!get_field(r, s, &s->fields[row], value)) {
            return false;
        }
        row++;
    }
    return skip_absent(r, s, &row, UINT64_MAX);
}

static bool get_map(struct reader *r, const struct cbor_schema *s, void *value)
{
    uint64_t pairs = 0;

    if (r->depth == CBOR_DEPTH_MAX) {
        return bad(r, s, 0, "nested too deeply");
    }
    r->depth++;
    if (!get_of(r, CBOR_MAJOR_MAP, &pairs)) {
        return bad(r, s, 0, "not a map");
    }
    if (!get_fields(r, s, pairs, value)) {
        return false;
    }
    r->depth--;
    return true;
}

bool cbor_read(struct slice in, const struct cbor_schema *schema, struct arena *arena, void *value,
               struct error *e)
{
    struct reader r = {.rest = in, .arena = arena, .e = e};

    *e = (struct error){0};
    (void)memset(value, 0, schema->size);
    if (!get_map(&r, schema, value)) {
        return false;
    }
    if (r.rest.len) {
        return error_set(e, ERROR_INPUT, "%s: %zu bytes behind the end", schema->name, r.rest.len);
    }
    return true;
}
