/* WebP (RFC 9649) by its chunks. */
#include "formats/scrub/internal.h"

#define HEAD            12   /* "RIFF", size, "WEBP" */
#define FLAG_EXIF       0x08 /* of VP8X */
#define FLAG_XMP        0x04
#define EXIF_TIFF       8 /* bytes of a chunk's head */
#define ORIENTATION_LEN 34

/* What a chunk holds that is to go, or NULL. */
static const char *secret_of(struct slice type)
{
    static const char *const staying[] = {"VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "ICCP"};

    for (size_t i = 0; i < sizeof(staying) / sizeof(staying[0]); i++) {
        if (slice_equal(type, slice_text(staying[i]))) {
            return NULL;
        }
    }
    return slice_equal(type, SLICE("EXIF"))   ? "EXIF"
           : slice_equal(type, SLICE("XMP ")) ? "XMP"
                                              : "data of programs";
}

/* An EXIF chunk that says which side is up and nothing else. */
static void write_orientation(uint8_t up, uint8_t out[static ORIENTATION_LEN])
{
    const uint8_t chunk[ORIENTATION_LEN] = {'E', 'X', 'I', 'F', 26, 0, 0, 0,    'M', 'M', 0, 42,
                                            0,   0,   0,   8,   0,  1, 1, 0x12, 0,   3,   0, 0,
                                            0,   1,   0,   up,  0,  0, 0, 0,    0,   0};

    (void)memcpy(out, chunk, ORIENTATION_LEN);
}

static void put_size(struct buf *out, size_t size)
{
    for (size_t i = 0; i < 4; i++) {
        out->ptr[4 + i] = (uint8_t)(size >> 8 * i);
    }
}

/* Which side is up is said again at the end; nothing is named when there is nothing else. */
static void take_exif(struct slice chunk, uint8_t *up, struct buf *what)
{
    struct slice tiff = slice_from(chunk, EXIF_TIFF);
    uint8_t only[ORIENTATION_LEN];

    *up = scrub_orientation(slice_starts(tiff, SLICE("Exif")) ? slice_from(tiff, 6) : tiff);
    write_orientation(*up, only);
    if (*up == 1 || !slice_equal(chunk, SLICE_ARRAY(only))) {
        scrub_say(what, "EXIF");
    }
}

/* One chunk with its padding: kept, or named. */
static void take(struct slice chunk, uint8_t *up, struct buf *out, struct buf *what)
{
    const char *secret = secret_of(slice_head(chunk, 4));

    if (!secret) {
        buf_add(out, chunk);
    } else if (slice_starts(chunk, SLICE("EXIF"))) {
        take_exif(chunk, up, what);
    } else {
        scrub_say(what, secret);
    }
}

enum scrub_end scrub_webp(struct slice bytes, struct buf *out, struct buf *what)
{
    struct slice rest = slice_from(bytes, HEAD);
    uint8_t up = 1;

    buf_add(out, slice_head(bytes, HEAD));
    while (rest.len) {
        size_t len = scrub_number(rest, 4, 4, false);
        size_t padded = 8 + len + (len & 1);
        if (rest.len < 8 || padded > rest.len) {
            return SCRUB_CANNOT;
        }
        take(slice_head(rest, padded), &up, out, what);
        rest = slice_from(rest, padded);
    }
    if (up != 1 && what->len) {
        uint8_t only[ORIENTATION_LEN];
        write_orientation(up, only);
        buf_add(out, SLICE_ARRAY(only));
    }
    if (out->full || out->len < HEAD + 8) {
        return SCRUB_CANNOT;
    }
    if (slice_starts(slice_from(buf_slice(out), HEAD), SLICE("VP8X")) && out->len > HEAD + 8) {
        uint8_t *flags = &out->ptr[HEAD + 8];
        *flags = (uint8_t)(*flags & ~(FLAG_EXIF | FLAG_XMP)) | (up != 1 ? FLAG_EXIF : 0);
    }
    put_size(out, out->len - 8);
    return what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}
