/* A file that gzip packed (RFC 1952), such as SVGZ: what is in it is cleaned and packed anew, without its name and time. What else is packed
 * so is not opened. */
#define ZLIB_CONST /* what is read is not written */
#include <zlib.h>

#include "formats/scrub/internal.h"

#define UNPACKED_MAX SCRUB_FILE_MAX /* of all such files of a letter */
#define STEP         ((size_t)1 << 16)
#define GZIP         31 /* window bits of zlib, and that it is gzip's form */
#define FLAGS        3  /* where they stand */
#define TIME         4
#define NAMES        0x1c /* of the flags: it has data of programs, a name, a comment */

enum unpacked { WHOLE, DAMAGED, LARGE };

static void end_inflate(z_stream *z)
{
    (void)inflateEnd(z);
}

static void end_deflate(z_stream *z)
{
    (void)deflateEnd(z);
}

OWN_VALUE(inflating, z_stream, end_inflate)
OWN_VALUE(deflating, z_stream, end_deflate)

/* Unpack up to `max` bytes; LARGE: there are more. */
static enum unpacked unpack(struct slice bytes, size_t max, struct buf *out)
{
    OWN(inflating) z_stream z = {.next_in = bytes.ptr, .avail_in = (uInt)bytes.len};
    int code = inflateInit2(&z, GZIP);

    while (code == Z_OK && out->len < max) {
        size_t step = max - out->len < STEP ? max - out->len : STEP;
        uint8_t *room = buf_room(out, step);
        if (!room) {
            return LARGE;
        }
        z.next_out = room;
        z.avail_out = (uInt)step;
        code = inflate(&z, Z_NO_FLUSH);
        out->len += step - z.avail_out;
    }
    if (code == Z_OK) {
        return LARGE;
    }
    return code == Z_STREAM_END && z.avail_in == 0 ? WHOLE : DAMAGED;
}

static bool pack(struct slice bytes, struct buf *out)
{
    OWN(deflating) z_stream z = {.next_in = bytes.ptr, .avail_in = (uInt)bytes.len};
    int code = deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY);
    size_t bound = code == Z_OK ? deflateBound(&z, (uLong)bytes.len) : 0;
    uint8_t *room = bound ? buf_room(out, bound) : NULL;

    if (!room) {
        return false;
    }
    z.next_out = room;
    z.avail_out = (uInt)bound;
    code = deflate(&z, Z_FINISH);
    out->len += bound - z.avail_out;
    return code == Z_STREAM_END;
}

/* Whether the head has a name, a comment or a time. */
static bool has_names(struct slice bytes)
{
    return (scrub_number(bytes, FLAGS, 1, false) & NAMES) || scrub_number(bytes, TIME, 4, false);
}

enum scrub_end scrub_gzip(struct slice bytes, size_t *unpacked, struct buf *out, struct buf *what)
{
    size_t left = UNPACKED_MAX - (*unpacked < UNPACKED_MAX ? *unpacked : UNPACKED_MAX);
    OWN(buf) struct buf head = {.max = STEP};
    OWN(buf) struct buf whole = {.max = UNPACKED_MAX};
    OWN(buf) struct buf cleaned = {.max = UNPACKED_MAX + STEP};

    (void)unpack(bytes, STEP, &head); /* as much of it as can be had */
    if (!scrub_is_svg(buf_slice(&head))) {
        return scrub_refuse(what, SCRUB_ARCHIVE);
    }
    enum unpacked got = unpack(bytes, left, &whole);
    *unpacked += whole.len;
    if (got != WHOLE) {
        return scrub_refuse(what, got == LARGE ? SCRUB_LARGE : SCRUB_DAMAGED);
    }
    enum scrub_end end = scrub_svg(buf_slice(&whole), &cleaned, what);
    if (end == SCRUB_CANNOT || (end == SCRUB_NOTHING && !has_names(bytes))) {
        return end;
    }
    if (has_names(bytes)) {
        scrub_say(what, "names");
    }
    bool packed = pack(end == SCRUB_CLEANED ? buf_slice(&cleaned) : buf_slice(&whole), out);
    return packed ? SCRUB_CLEANED : scrub_refuse(what, SCRUB_LARGE);
}
