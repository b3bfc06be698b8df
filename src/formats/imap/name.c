/* Modified UTF-7 (RFC 3501 section 5.1.3): "&" begins a run of UTF-16 in base64 with "," for "/",
 * "-" ends it, "&-" is "&". */
#include "formats/imap/imap.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

struct bits {
    struct buf *out;
    uint32_t held;
    unsigned count;
};

static void add_unit(struct bits *b, uint32_t unit)
{
    b->held = b->held << 16 | unit;
    b->count += 16;
    while (b->count >= 6) {
        b->count -= 6;
        buf_add_byte(b->out, (uint8_t)alphabet[b->held >> b->count & 63]);
    }
    b->held &= (1U << b->count) - 1;
}

static void end_run(struct bits *b)
{
    if (b->count) {
        buf_add_byte(b->out, (uint8_t)alphabet[b->held << (6 - b->count) & 63]);
    }
    buf_add_byte(b->out, '-');
    b->held = 0;
    b->count = 0;
}

/* The character that begins here, of valid UTF-8. */
static uint32_t take_character(struct slice *s)
{
    uint8_t first = s->ptr[0];
    unsigned more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    uint32_t c = more ? first & (0x3fU >> more) : first;

    for (unsigned i = 1; i <= more; i++) {
        c = c << 6 | (s->ptr[i] & 0x3fU);
    }
    *s = slice_from(*s, 1U + more);
    return c;
}

static void add_shifted(struct bits *b, uint32_t c)
{
    if (c >= 0x10000) {
        add_unit(b, 0xd800 + ((c - 0x10000) >> 10));
        add_unit(b, 0xdc00 + ((c - 0x10000) & 0x3ff));
    } else {
        add_unit(b, c);
    }
}

/* Whether a run is open afterwards. */
static bool add_character(struct bits *b, uint32_t c, bool shifted)
{
    bool plain = c <= '~';

    if (plain && shifted) {
        end_run(b);
    } else if (!plain && !shifted) {
        buf_add_byte(b->out, '&');
    }
    if (!plain) {
        add_shifted(b, c);
        return true;
    }
    buf_add_byte(b->out, (uint8_t)c);
    if (c == '&') {
        buf_add_byte(b->out, '-');
    }
    return false;
}

bool imap_name_encode(struct slice name, struct buf *out)
{
    struct bits b = {.out = out};
    bool shifted = false;

    if (!slice_is_utf8(name)) {
        return false;
    }
    while (name.len) {
        uint32_t c = take_character(&name);
        if (c < ' ' || c == 127) {
            return false;
        }
        shifted = add_character(&b, c, shifted);
    }
    if (shifted) {
        end_run(&b);
    }
    return !out->full;
}

static void add_utf8(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_add_byte(out, (uint8_t)c);
        return;
    }
    if (c < 0x800) {
        buf_add_byte(out, (uint8_t)(0xc0 | c >> 6));
    } else if (c < 0x10000) {
        buf_add_byte(out, (uint8_t)(0xe0 | c >> 12));
        buf_add_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    } else {
        buf_add_byte(out, (uint8_t)(0xf0 | c >> 18));
        buf_add_byte(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        buf_add_byte(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    }
    buf_add_byte(out, (uint8_t)(0x80 | (c & 0x3f)));
}

/* One unit of UTF-16; a surrogate that stands alone makes the run bad. */
static bool decode_unit(uint32_t unit, uint32_t *high, struct buf *out)
{
    bool low = unit >= 0xdc00 && unit < 0xe000;

    if ((*high != 0) != low) {
        return false;
    }
    if (unit >= 0xd800 && unit < 0xdc00) {
        *high = unit;
        return true;
    }
    if (low) {
        unit = 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00);
        *high = 0;
    } else if (unit < 0x80) {
        return false; /* needed no run */
    }
    add_utf8(out, unit);
    return true;
}

/* The run between "&" and "-". */
static bool decode_run(struct slice run, struct buf *out)
{
    uint32_t held = 0;
    uint32_t high = 0;
    unsigned count = 0;

    for (size_t i = 0; i < run.len; i++) {
        const char *at = run.ptr[i] ? strchr(alphabet, run.ptr[i]) : NULL;
        if (!at) {
            return false;
        }
        held = (held & 0x3ffffU) << 6 | (uint32_t)(at - alphabet);
        count += 6;
        if (count >= 16) {
            count -= 16;
            if (!decode_unit(held >> count & 0xffff, &high, out)) {
                return false;
            }
        }
    }
    return high == 0 && count < 6 && (held & ((1U << count) - 1)) == 0;
}

void imap_name_decode(struct slice wire, struct buf *out)
{
    while (wire.len) {
        size_t before = out->len;
        struct slice rest;
        if (wire.ptr[0] != '&') {
            buf_add_byte(out, wire.ptr[0]);
            wire = slice_from(wire, 1);
            continue;
        }
        struct slice run = slice_cut(slice_from(wire, 1), '-', &rest);
        bool closed = run.len + 1 < wire.len;
        if (closed && run.len == 0) {
            buf_add_byte(out, '&');
        } else if (!closed || !decode_run(run, out)) {
            out->len = before;
            buf_add(out, slice_head(wire, run.len + 1 + closed));
        }
        wire = closed ? rest : SLICE_NONE;
    }
}
