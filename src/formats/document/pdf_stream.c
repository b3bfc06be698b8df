/* What streams are packed with (ISO 32000-1 section 7.4). */
#include <stdlib.h>
#include <zlib.h>

#include "base/arena.h"

#include "formats/document/internal.h"

#define FILTERS_MAX 5
#define CHUNK       65536u
#define COLUMNS_MAX (1u << 20) /* bytes of a row, for predictors */
#define LZW_CODES   4096

struct unpacking {
    struct pdf_objects *objects;
    struct slice in;
    struct buf *out;
    struct slice parameters; /* DecodeParms, or empty */
};

/* Room for a piece of output; NULL when there is none or time is up. */
static uint8_t *room(struct unpacking *u, size_t len)
{
    return u->objects->found->stopped ? NULL : buf_room(u->out, len);
}

static bool filled(struct unpacking *u, size_t len)
{
    u->out->len += len;
    u->objects->unpacked += len;
    return pdf_work(u->objects, 0);
}

/* ---- FlateDecode ---- */

static bool inflate_all(struct unpacking *u, z_stream *z)
{
    int rc = Z_OK;

    while (rc == Z_OK) {
        size_t free_bytes = u->out->max - u->out->len;
        size_t piece = free_bytes < CHUNK ? free_bytes : CHUNK;
        uint8_t *to = piece ? room(u, piece) : NULL;
        if (!to) {
            u->objects->found->stopped = true; /* longer than anything that is read */
            return false;
        }
        z->next_out = to;
        z->avail_out = (uInt)piece;
        rc = inflate(z, Z_NO_FLUSH);
        if (!filled(u, piece - z->avail_out)) {
            return false;
        }
    }
    return rc == Z_STREAM_END;
}

static bool flate(struct unpacking *u)
{
    z_stream z = {.avail_in = (uInt)u->in.len};

    (void)memcpy(&z.next_in, &u->in.ptr,
                 sizeof(u->in.ptr)); /* zlib's is not const; it only reads */
    if (u->in.len > UINT32_MAX || inflateInit(&z) != Z_OK) {
        return false;
    }
    bool whole = inflate_all(u, &z);
    (void)inflateEnd(&z);
    return whole;
}

/* ---- LZWDecode ---- */

struct lzw {
    struct {
        uint16_t before;
        uint16_t len;
        uint8_t last;
    } codes[LZW_CODES];

    unsigned next;
    unsigned width;
    unsigned early;
};

static void lzw_clear(struct lzw *l)
{
    l->next = 258;
    l->width = 9;
}

static bool lzw_take(struct slice in, size_t *bit, unsigned width, unsigned *code)
{
    *code = 0;
    if (*bit + width > in.len * 8) {
        return false;
    }
    for (unsigned i = 0; i < width; i++, ++*bit) {
        *code = *code << 1 | (in.ptr[*bit / 8] >> (7 - *bit % 8) & 1u);
    }
    return true;
}

/* Write what a code stands for; its first byte in *first. */
static bool lzw_put(struct unpacking *u, const struct lzw *l, unsigned code, uint8_t *first)
{
    size_t len = l->codes[code].len;
    uint8_t *to = room(u, len);

    if (!to) {
        return false;
    }
    for (size_t i = len; i-- > 0;) {
        to[i] = l->codes[code].last;
        code = l->codes[code].before;
    }
    *first = to[0];
    return filled(u, len);
}

static void lzw_learn(struct lzw *l, unsigned before, uint8_t last)
{
    if (l->next < LZW_CODES) {
        l->codes[l->next].before = (uint16_t)before;
        l->codes[l->next].len = (uint16_t)(l->codes[before].len + 1);
        l->codes[l->next].last = last;
        l->next++;
    }
    if (l->next + l->early >= 1u << l->width && l->width < 12) {
        l->width++;
    }
}

static bool lzw_all(struct unpacking *u, struct lzw *l)
{
    unsigned before = UINT32_MAX;
    unsigned code = 0;
    uint8_t first = 0;
    size_t bit = 0;

    lzw_clear(l);
    while (lzw_take(u->in, &bit, l->width, &code) && code != 257) {
        if (code == 256) {
            lzw_clear(l);
            before = UINT32_MAX;
            continue;
        }
        bool known = code < 256 || (code >= 258 && code < l->next);
        bool fresh = code < LZW_CODES && code == l->next && before != UINT32_MAX;
        if (!known && !fresh) {
            return false;
        }
        if (!known) {
            lzw_learn(l, before, first); /* it ends as it begins */
        }
        if (!lzw_put(u, l, code, &first)) {
            return false;
        }
        if (known && before != UINT32_MAX) {
            lzw_learn(l, before, first);
        }
        before = code;
    }
    return code == 257;
}

static bool lzw(struct unpacking *u)
{
    struct lzw *l = calloc(1, sizeof(*l));

    if (!l) {
        arena_panic("out of memory");
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        l->codes[byte].len = 1;
        l->codes[byte].last = (uint8_t)byte;
    }
    l->early = (unsigned)pdf_number(pdf_look(u->objects, u->parameters, "EarlyChange"), 1) ? 1 : 0;
    bool whole = lzw_all(u, l);
    free(l);
    return whole;
}

/* ---- filters in ASCII, and runs ---- */

static bool put(struct unpacking *u, const uint8_t *bytes, size_t len)
{
    buf_add(u->out, slice_of(bytes, len));
    u->objects->unpacked += len;
    return !u->out->full && pdf_work(u->objects, 0);
}

static bool put_group(struct unpacking *u, const uint8_t digits[static 5], size_t count)
{
    uint32_t value = 0;
    uint8_t bytes[4];

    for (size_t i = 0; i < 5; i++) {
        value = value * 85 + (i < count ? digits[i] : 84u);
    }
    for (size_t i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (24 - 8 * i));
    }
    return put(u, bytes, count - 1);
}

/* Take the next byte; `count` digits of a group are there. */
static bool take_digit(struct unpacking *u, uint8_t c, uint8_t digits[static 5], size_t *count)
{
    static const uint8_t zeros[4];

    if (c == 'z' && *count == 0) {
        return put(u, zeros, sizeof(zeros));
    }
    if (c < '!' || c > 'u') {
        return pdf_is_space(c);
    }
    digits[(*count)++] = (uint8_t)(c - '!');
    if (*count < 5) {
        return true;
    }
    *count = 0;
    return put_group(u, digits, 5);
}

static bool ascii85(struct unpacking *u)
{
    uint8_t digits[5] = {0};
    size_t count = 0;

    for (size_t i = 0; i < u->in.len && u->in.ptr[i] != '~'; i++) {
        if (!take_digit(u, u->in.ptr[i], digits, &count)) {
            return false;
        }
    }
    return count < 2 || put_group(u, digits, count);
}

static bool ascii_hex(struct unpacking *u)
{
    const struct pdf_token t = {.kind = PDF_HEX, .text = slice_head(u->in, slice_find(u->in, '>'))};

    pdf_string(&t, u->out);
    u->objects->unpacked += u->out->len;
    return !u->out->full && pdf_work(u->objects, 0);
}

static bool run_length(struct unpacking *u)
{
    size_t i = 0;

    while (i < u->in.len && u->in.ptr[i] != 128) {
        uint8_t length = u->in.ptr[i++];
        if (length < 128) {
            struct slice literal = slice_head(slice_from(u->in, i), length + 1u);
            i += literal.len;
            if (!put(u, literal.ptr, literal.len)) {
                return false;
            }
        } else if (i < u->in.len) {
            uint8_t bytes[128];
            (void)memset(bytes, u->in.ptr[i++], sizeof(bytes));
            if (!put(u, bytes, 257u - length)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- predictors ---- */

static uint8_t paeth(int left, int up, int corner)
{
    int estimate = left + up - corner;
    int to_left = abs(estimate - left);
    int to_up = abs(estimate - up);
    int to_corner = abs(estimate - corner);

    if (to_left <= to_up && to_left <= to_corner) {
        return (uint8_t)left;
    }
    return (uint8_t)(to_up <= to_corner ? up : corner);
}

static uint8_t predicted(uint8_t how, uint8_t left, uint8_t up, uint8_t corner)
{
    switch (how) {
    case 1:
        return left;
    case 2:
        return up;
    case 3:
        return (uint8_t)((left + up) / 2);
    case 4:
        return paeth(left, up, corner);
    default:
        return 0;
    }
}

/* Rows of PNG, each with the number of its predictor in front, to rows without, in place. */
static void undo_png(struct buf *b, size_t columns, size_t pixel)
{
    size_t rows = b->len / (columns + 1);

    for (size_t row = 0; row < rows; row++) {
        uint8_t how = b->ptr[row * (columns + 1)];
        const uint8_t *from = b->ptr + row * (columns + 1) + 1;
        uint8_t *to = b->ptr + row * columns;
        const uint8_t *above = row ? to - columns : NULL;
        for (size_t i = 0; i < columns; i++) {
            uint8_t left = i >= pixel ? to[i - pixel] : 0;
            uint8_t corner = above && i >= pixel ? above[i - pixel] : 0;
            to[i] = (uint8_t)(from[i] + predicted(how, left, above ? above[i] : 0, corner));
        }
    }
    b->len = rows * columns;
}

static bool undo_predictor(struct unpacking *u)
{
    const struct pdf_objects *o = u->objects;
    double predictor = pdf_number(pdf_look(o, u->parameters, "Predictor"), 1);
    size_t colors = (size_t)pdf_number(pdf_look(o, u->parameters, "Colors"), 1);
    double columns = pdf_number(pdf_look(o, u->parameters, "Columns"), 1);
    double bits = pdf_number(pdf_look(o, u->parameters, "BitsPerComponent"), 8);

    if (predictor < 2) {
        return true;
    }
    if (predictor < 10 || bits != 8 || colors < 1 || colors > 4 || columns < 1 ||
        columns > COLUMNS_MAX) {
        return false; /* of TIFF, for pictures */
    }
    undo_png(u->out, (size_t)columns * colors, colors);
    return true;
}

/* ---- the chain ---- */

static bool undo(struct unpacking *u, struct slice filter)
{
    static const struct {
        const char *name;
        bool (*undo)(struct unpacking *u);
        bool predicts;
    } rows[] = {
        {"FlateDecode",     flate,      true },
        {"Fl",              flate,      true },
        {"LZWDecode",       lzw,        true },
        {"LZW",             lzw,        true },
        {"ASCII85Decode",   ascii85,    false},
        {"A85",             ascii85,    false},
        {"ASCIIHexDecode",  ascii_hex,  false},
        {"AHx",             ascii_hex,  false},
        {"RunLengthDecode", run_length, false},
        {"RL",              run_length, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (pdf_is_name(filter, rows[i].name)) {
            bool whole = rows[i].undo(u);
            return (!rows[i].predicts || undo_predictor(u)) && whole;
        }
    }
    return false;
}

/* The i-th of what is one object or an array of them. */
static struct slice nth(const struct pdf_objects *o, struct slice object, size_t i)
{
    struct slice rest = pdf_elements(object);

    if (!slice_starts(object, SLICE("["))) {
        return i == 0 ? object : SLICE_NONE;
    }
    for (size_t skipped = 0; skipped < i; skipped++) {
        (void)pdf_take(&rest);
    }
    struct slice value = pdf_take(&rest);
    return slice_starts(value, SLICE("]")) ? SLICE_NONE : pdf_resolve(o, value);
}

bool pdf_unpack(struct pdf_objects *o, const struct pdf_object *stream, struct buf *out)
{
    struct slice filters = pdf_look(o, stream->value, "Filter");
    struct slice parameters = pdf_look(o, stream->value, "DecodeParms");
    OWN(buf) struct buf last = {.max = out->max};
    struct slice bytes = stream->stream;
    bool whole = stream->stream.ptr != NULL;

    for (size_t i = 0; i <= FILTERS_MAX && whole; i++) {
        struct slice filter = nth(o, filters, i);
        if (filter.len == 0) {
            break;
        }
        OWN(buf) struct buf next = {.max = out->max};
        struct unpacking u = {o, bytes, &next, nth(o, parameters, i)};
        whole = i < FILTERS_MAX && undo(&u, filter);
        buf_done(&last);
        last = TAKE(next, (struct buf){0});
        bytes = buf_slice(&last);
    }
    buf_add(out, bytes);
    return whole && !out->full;
}
