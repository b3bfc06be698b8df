/* The objects of a file, found without its cross-reference tables: "12 0 obj" begins one wherever it
 * stands outside of another one's stream. */
#include <stdlib.h>

#include "base/arena.h"

#include "formats/document/internal.h"

bool pdf_work(struct pdf_objects *o, size_t bytes)
{
    o->worked += bytes;
    if (o->worked + o->unpacked >= PDF_METER_BYTES && !o->found->stopped) {
        o->found->stopped = !o->reader->meter(o->reader->context, o->unpacked);
        o->worked = 0;
        o->unpacked = 0;
    }
    return !o->found->stopped;
}

/* ---- the list ---- */

static bool add(struct pdf_objects *o, uint64_t number, struct slice value, struct slice stream)
{
    if (o->count == PDF_OBJECTS_MAX) {
        o->found->stopped = true;
        return false;
    }
    if (o->count == o->room) {
        o->room = o->room ? 2 * o->room : 256;
        o->list = reallocarray(o->list, o->room, sizeof(*o->list));
        if (!o->list) {
            arena_panic("out of memory");
        }
    }
    o->list[o->count] = (struct pdf_object){
        .number = (uint32_t)number,
        .order = (uint32_t)o->count,
        .value = value,
        .stream = stream,
    };
    o->count++;
    return true;
}

static int by_number(const void *a, const void *b)
{
    const struct pdf_object *left = a;
    const struct pdf_object *right = b;

    if (left->number != right->number) {
        return left->number < right->number ? -1 : 1;
    }
    return (left->order > right->order) - (left->order < right->order);
}

/* Sort, and keep the last of each number. */
static void order(struct pdf_objects *o)
{
    size_t kept = 0;

    if (o->count) {
        qsort(o->list, o->count, sizeof(*o->list), by_number);
    }
    for (size_t i = 0; i < o->count; i++) {
        if (i + 1 == o->count || o->list[i].number != o->list[i + 1].number) {
            o->list[kept++] = o->list[i];
        }
    }
    o->count = kept;
}

const struct pdf_object *pdf_objects_get(const struct pdf_objects *o, uint64_t number)
{
    const struct pdf_object wanted = {.number = (uint32_t)number};
    size_t low = 0;
    size_t high = o->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (o->list[middle].number < wanted.number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < o->count && o->list[low].number == wanted.number ? &o->list[low] : NULL;
}

const struct pdf_object *pdf_follow(const struct pdf_objects *o, struct slice object)
{
    const struct pdf_object *at = NULL;
    uint64_t number = 0;

    for (unsigned i = 0; i < PDF_DEPTH_MAX && pdf_is_reference(object, &number); i++) {
        at = pdf_objects_get(o, number);
        object = at ? at->value : SLICE_NONE;
    }
    return at;
}

struct slice pdf_resolve(const struct pdf_objects *o, struct slice object)
{
    uint64_t number = 0;

    if (!pdf_is_reference(object, &number)) {
        return object;
    }
    const struct pdf_object *at = pdf_follow(o, object);
    return at && !pdf_is_reference(at->value, &number) ? at->value : SLICE_NONE;
}

struct slice pdf_look(const struct pdf_objects *o, struct slice dict, const char *key)
{
    return pdf_resolve(o, pdf_get(dict, key));
}

/* ---- in the file ---- */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* The number that ends at `end`, with the white space behind it; false when there is none. */
static bool number_before(struct slice file, size_t *end, uint64_t *number)
{
    size_t last = *end;

    while (last > 0 && pdf_is_space(file.ptr[last - 1])) {
        last--;
    }
    size_t first = last;
    while (first > 0 && last - first < 10 && is_digit(file.ptr[first - 1])) {
        first--;
    }
    *end = first;
    return slice_decimal(slice_of(file.ptr + first, last - first), UINT32_MAX, number);
}

/* The bytes of a stream: as many as it says when its end stands there, otherwise up to its end. */
static struct slice stream_at(struct slice rest, struct slice dict)
{
    size_t begin = strlen("stream");
    size_t len = pdf_size(pdf_get(dict, "Length"), SIZE_MAX / 2);

    begin += begin < rest.len && rest.ptr[begin] == '\r';
    begin += begin < rest.len && rest.ptr[begin] == '\n';
    struct slice bytes = slice_from(rest, begin);
    struct slice behind = slice_from(bytes, len);
    struct pdf_token t;
    uint64_t number = 0;
    if (!pdf_is_reference(pdf_get(dict, "Length"), &number) && len <= bytes.len &&
        pdf_next(&behind, &t) && slice_starts(t.text, SLICE("endstream"))) {
        return slice_head(bytes, len);
    }
    const uint8_t *end = bytes.len ? memmem(bytes.ptr, bytes.len, "endstream", 9) : NULL;
    return end ? slice_head(bytes, (size_t)(end - bytes.ptr)) : bytes;
}

/* Keep the object whose "obj" ends at `at`; where to look for the next one. */
static size_t take_object(struct pdf_objects *o, size_t at, uint64_t number)
{
    struct slice rest = slice_from(o->file, at);
    struct slice value = pdf_take(&rest);
    struct slice ahead = rest;
    struct slice stream = SLICE_NONE;
    struct pdf_token t;

    if (value.len == 0) {
        return at;
    }
    size_t end = o->file.len - rest.len;
    if (slice_starts(value, SLICE("<<")) && pdf_next(&ahead, &t) && t.kind == PDF_WORD &&
        slice_starts(t.text, SLICE("stream"))) {
        stream = stream_at(slice_of(t.text.ptr, (size_t)(o->file.ptr + o->file.len - t.text.ptr)),
                           value);
        end = (size_t)(stream.ptr - o->file.ptr) + stream.len;
    }
    (void)add(o, number, value, stream);
    return end;
}

/* Between objects stand the tables and trailers, and they say whether the file is encrypted. */
static void look_between(struct pdf_objects *o, size_t from, size_t to)
{
    if (to > from && memmem(o->file.ptr + from, to - from, "/Encrypt", 8)) {
        o->found->encrypted = true;
    }
}

static void scan(struct pdf_objects *o)
{
    size_t from = 0;
    size_t behind = 0; /* the object before */

    while (from < o->file.len && o->count < PDF_OBJECTS_MAX) {
        const uint8_t *hit = memmem(o->file.ptr + from, o->file.len - from, "obj", 3);
        size_t at = hit ? (size_t)(hit - o->file.ptr) : o->file.len;
        if (!pdf_work(o, at - from) || !hit) {
            break;
        }
        size_t begin = at;
        uint64_t generation = 0;
        uint64_t number = 0;
        from = at + 3;
        if (number_before(o->file, &begin, &generation) &&
            number_before(o->file, &begin, &number)) {
            look_between(o, behind, begin);
            from = take_object(o, from, number);
            behind = from;
            (void)pdf_work(o, from - at);
        }
    }
    look_between(o, behind, o->file.len);
}

/* ---- in streams ---- */

/* The objects of an object stream (section 7.5.7): pairs of number and place, then the objects. */
static void take_held(struct pdf_objects *o, struct slice bytes, size_t first, size_t count)
{
    struct slice pairs = slice_head(bytes, first);

    for (size_t i = 0; i < count && pdf_work(o, 8); i++) {
        struct pdf_token number;
        struct pdf_token place;
        if (!pdf_next(&pairs, &number) || !pdf_next(&pairs, &place) || number.kind != PDF_NUMBER ||
            place.kind != PDF_NUMBER || number.number > UINT32_MAX || number.number < 0) {
            break;
        }
        struct slice rest = slice_from(bytes, first + pdf_size(place.text, bytes.len));
        struct slice value = pdf_take(&rest);
        if (!pdf_work(o, value.len) || !add(o, (uint64_t)number.number, value, SLICE_NONE)) {
            break;
        }
    }
}

static void unpack_holder(struct pdf_objects *o, const struct pdf_object *stream)
{
    struct buf *bytes = &o->holders[o->n_holders];
    struct slice dict = stream->value;

    buf_init(bytes, PDF_HELD_MAX - o->held);
    if (!pdf_unpack(o, stream, bytes)) {
        o->found->damaged = true;
    }
    o->n_holders++;
    o->held += bytes->len;
    size_t first = pdf_size(pdf_look(o, dict, "First"), bytes->len);
    take_held(o, buf_slice(bytes), first, pdf_size(pdf_look(o, dict, "N"), PDF_OBJECTS_MAX));
}

static void open_holders(struct pdf_objects *o)
{
    size_t in_file = o->count;

    o->holders = calloc(PDF_HOLDERS_MAX, sizeof(*o->holders));
    if (!o->holders) {
        arena_panic("out of memory");
    }
    for (size_t i = 0; i < in_file && !o->found->encrypted; i++) {
        const struct pdf_object at = o->list[i]; /* the list may move */
        struct slice type = pdf_get(at.value, "Type");
        if (!pdf_work(o, at.value.len)) {
            return;
        }
        if (at.stream.ptr && pdf_is_name(type, "XRef")) {
            o->found->encrypted = o->found->encrypted || pdf_get(at.value, "Encrypt").len;
        } else if (at.stream.ptr && pdf_is_name(type, "ObjStm")) {
            if (o->n_holders == PDF_HOLDERS_MAX || o->held >= PDF_HELD_MAX) {
                o->found->stopped = true;
                return;
            }
            unpack_holder(o, &at);
        }
    }
}

void pdf_objects_find(struct pdf_objects *o)
{
    scan(o);
    order(o); /* a stream's length may be an object of its own */
    if (!o->found->encrypted && !o->found->stopped) {
        open_holders(o);
        order(o);
    }
}

void pdf_objects_done(struct pdf_objects *o)
{
    for (size_t i = 0; i < o->n_holders; i++) {
        buf_done(&o->holders[i]);
    }
    free(o->holders);
    free(o->list);
    o->holders = NULL;
    o->list = NULL;
    o->n_holders = 0;
    o->count = 0;
}
