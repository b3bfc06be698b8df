/* JPEG (ITU T.81) by its segments, PNG by its chunks. */
#include "formats/scrub/internal.h"

#define ORIENTATION     0x112 /* TIFF: which side is up */
#define TIFF_SHORT      3
#define ENTRIES_MAX     1000
#define ORIENTATION_LEN 36

/* ---- EXIF ---- */

uint32_t scrub_number(struct slice s, size_t at, size_t bytes, bool big)
{
    uint32_t value = 0;

    for (size_t i = 0; i < bytes && at + i < s.len; i++) {
        size_t from = big ? at + i : at + bytes - 1 - i;
        value = value << 8 | (from < s.len ? s.ptr[from] : 0);
    }
    return value;
}

uint8_t scrub_orientation(struct slice tiff)
{
    bool big = slice_starts(tiff, SLICE("MM"));
    size_t at = scrub_number(tiff, 4, 4, big);
    size_t entries = scrub_number(tiff, at, 2, big);

    for (size_t i = 0; i < entries && i < ENTRIES_MAX && at + 2 + 12 * i + 12 <= tiff.len; i++) {
        size_t entry = at + 2 + 12 * i;
        uint32_t value = scrub_number(tiff, entry + 8, 2, big);
        if (scrub_number(tiff, entry, 2, big) == ORIENTATION &&
            scrub_number(tiff, entry + 2, 2, big) == TIFF_SHORT) {
            return value >= 1 && value <= 8 ? (uint8_t)value : 1;
        }
    }
    return 1;
}

/* An EXIF segment that says which side is up and nothing else. */
static void write_orientation(uint8_t up, uint8_t out[static ORIENTATION_LEN])
{
    const uint8_t segment[ORIENTATION_LEN] = {
        0xff, 0xe1, 0, 34,   'E', 'x',        'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8,
        0,    1,    1, 0x12, 0,   TIFF_SHORT, 0,   0,   0, 1, 0,   up,  0, 0,  0, 0, 0, 0};

    (void)memcpy(out, segment, ORIENTATION_LEN);
}

/* ---- JPEG ---- */

#define JFIF_LEN 18 /* bytes of a JFIF segment without a preview */

/* What a segment holds that is to go, or NULL. */
static const char *jpeg_secret(uint8_t marker, struct slice data)
{
    switch (marker) {
    case 0xe0: /* JFXX is a preview, which shows what was cut off; others' are of cameras */
        return slice_starts(data, SLICE("JFIF"))   ? NULL
               : slice_starts(data, SLICE("JFXX")) ? "previews"
                                                   : "data of programs";
    case 0xee: /* how its colours are coded */
        return slice_starts(data, SLICE("Adobe")) ? NULL : "data of programs";
    case 0xe1:
        return "XMP"; /* EXIF is dealt with apart */
    case 0xed:
        return "IPTC";
    case 0xfe:
        return "comments";
    case 0xe2: /* a colour profile stays */
        return slice_starts(data, SLICE("ICC_PROFILE")) ? NULL : "previews";
    default:
        return marker >= 0xe3 && marker <= 0xef ? "data of programs" : NULL;
    }
}

/* Length of the coded picture at the start of s, up to the next marker. */
static size_t coded_len(struct slice s)
{
    for (size_t i = 0; i + 1 < s.len; i++) {
        uint8_t next = s.ptr[i + 1];
        if (s.ptr[i] == 0xff && next != 0 && next != 0xff && !(next >= 0xd0 && next <= 0xd7)) {
            return i;
        }
    }
    return s.len;
}

/* Take the next segment off *rest; false when there is none. */
static bool next_segment(struct slice *rest, uint8_t *marker, struct slice *segment)
{
    struct slice s = *rest;

    while (s.len > 1 && s.ptr[0] == 0xff && s.ptr[1] == 0xff) {
        s = slice_from(s, 1); /* filling */
    }
    if (s.len < 4 || s.ptr[0] != 0xff) {
        return false;
    }
    size_t len = 2 + ((size_t)s.ptr[2] << 8 | s.ptr[3]);
    if (len < 4 || len > s.len) {
        return false;
    }
    *marker = s.ptr[1];
    *segment = slice_head(s, len);
    *rest = slice_from(s, len);
    return true;
}

/* A JFIF segment (ITU T.871 section 10.1) without the preview that may stand at its end. */
static void add_jfif(struct slice segment, struct buf *out, struct buf *what)
{
    static const uint8_t len[] = {0, JFIF_LEN - 2};
    static const uint8_t no_preview[] = {0, 0};

    if (segment.len <= JFIF_LEN) {
        buf_add(out, segment);
        return;
    }
    scrub_say(what, "previews");
    buf_add(out, slice_head(segment, 2));
    buf_add(out, SLICE_ARRAY(len));
    buf_add(out, slice_head(slice_from(segment, 4), JFIF_LEN - 4 - sizeof(no_preview)));
    buf_add(out, SLICE_ARRAY(no_preview));
}

/* EXIF: what says where up is stays, once; nothing is named when there is nothing else. */
static void take_exif(struct slice segment, uint8_t *up, struct buf *out, struct buf *what)
{
    uint8_t only[ORIENTATION_LEN];
    uint8_t said = segment.len > 10 ? scrub_orientation(slice_from(segment, 10)) : 1;
    bool first = *up == 1 && said != 1;

    write_orientation(said, only);
    if (first) {
        *up = said;
        buf_add(out, SLICE_ARRAY(only));
    }
    if (!first || !slice_equal(segment, SLICE_ARRAY(only))) {
        scrub_say(what, "EXIF");
    }
}

/* One segment: kept, or named in *what. */
static void take_segment(uint8_t marker, struct slice segment, uint8_t *up, struct buf *out,
                         struct buf *what)
{
    struct slice data = slice_from(segment, 4);
    const char *secret = jpeg_secret(marker, data);

    if (marker == 0xe1 && slice_starts(data, SLICE("Exif"))) {
        take_exif(segment, up, out, what);
    } else if (secret) {
        scrub_say(what, secret);
    } else if (marker == 0xe0) {
        add_jfif(segment, out, what);
    } else {
        buf_add(out, segment);
    }
}

enum scrub_end scrub_jpeg(struct slice bytes, struct buf *out, struct buf *what)
{
    struct slice rest = slice_from(bytes, 2);
    struct slice segment;
    uint8_t marker = 0;
    uint8_t up = 1;

    buf_add(out, slice_head(bytes, 2));
    while (!slice_starts(rest, SLICE("\xff\xd9"))) {
        if (!next_segment(&rest, &marker, &segment)) {
            return SCRUB_CANNOT;
        }
        take_segment(marker, segment, &up, out, what);
        if (marker == 0xda) {
            size_t len = coded_len(rest);
            buf_add(out, slice_head(rest, len));
            rest = slice_from(rest, len);
        }
    }
    buf_add(out, slice_head(rest, 2));
    if (rest.len > 2) {
        scrub_say(what, "data behind the picture");
    }
    return out->full ? SCRUB_CANNOT : what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}

/* ---- PNG ---- */

/* Chunks by which it is shown, beside those that no reader may pass over (PNG third edition section 11.3, and its registered
 * extensions). */
static bool is_png_shown(struct slice type)
{
    static const char *const shown[] = {
        "tRNS", "cHRM", "gAMA", "iCCP", "sBIT", "sRGB", "cICP", "mDCV", "cLLI", "mDCv", "cLLi",
        "bKGD", "hIST", "pHYs", "sPLT", "acTL", "fcTL", "fdAT", "oFFs", "pCAL", "sCAL", "sTER"};
    bool found = (type.ptr[0] & 0x20) == 0; /* a capital letter: critical, section 5.4 */

    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]) && !found; i++) {
        found = slice_equal(type, slice_text(shown[i]));
    }
    return found;
}

/* What a chunk of four letters holds that is to go, or NULL. */
static const char *png_secret(struct slice type)
{
    static const struct {
        const char *type;
        const char *word;
    } rows[] = {
        {"tEXt", "texts"},
        {"zTXt", "texts"},
        {"iTXt", "texts"},
        {"eXIf", "EXIF" },
        {"tIME", "time" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (slice_equal(type, slice_text(rows[i].type))) {
            return rows[i].word;
        }
    }
    return is_png_shown(type) ? NULL : "data of programs";
}

enum scrub_end scrub_png(struct slice bytes, struct buf *out, struct buf *what)
{
    struct slice rest = slice_from(bytes, 8);
    bool ended = false;

    buf_add(out, slice_head(bytes, 8));
    while (!ended) {
        size_t len = scrub_number(rest, 0, 4, true);
        if (rest.len < 12 || len > rest.len - 12) {
            return SCRUB_CANNOT;
        }
        struct slice type = slice_head(slice_from(rest, 4), 4);
        const char *secret = png_secret(type);
        if (secret) {
            scrub_say(what, secret);
        } else {
            buf_add(out, slice_head(rest, len + 12));
        }
        ended = slice_equal(type, SLICE("IEND"));
        rest = slice_from(rest, len + 12);
    }
    if (rest.len) {
        scrub_say(what, "data behind the picture");
    }
    return out->full ? SCRUB_CANNOT : what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}
