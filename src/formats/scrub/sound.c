/* Sounds: tags before and behind MP3 and AAC (ID3, APE, Lyrics3), the blocks of FLAC (RFC 9639 section 8), the chunks of WAV. What stands in the
 * coded sound itself, such as which program coded it, stays. */
#include <ctype.h>

#include "formats/scrub/internal.h"

#define TAG           "tags"
#define ROUNDS        20 /* of tags behind each other */
#define ID3_LEN       10
#define ID3_OLD       128 /* the one that stands at the end */
#define ID3_OLD_MORE  227
#define APE_LEN       32
#define LYRICS_END    15 /* how long they are, and their mark */
#define RIFF_HEAD     12
#define FLAC_BLOCK    ((size_t)1 << 24)
#define MASK_DIGITS   8
#define CUE_CATALOGUE 128 /* of a cue sheet: length of the disc's number, */
#define CUE_HEAD      396 /* of all before the first track, */
#define CUE_TRACK     36  /* of a track before its points, */
#define CUE_ISRC      9   /* where in it its recording's number stands, */
#define CUE_ISRC_LEN  12
#define CUE_POINT     12
#define PROGRAM_DATA  "data of programs"

/* ---- tags ---- */

/* A number of seven bits in each of four bytes (ID3v2 section 6.2). */
static size_t seven_bits(struct slice s, size_t at)
{
    size_t value = 0;

    for (size_t i = 0; i < 4; i++) {
        value = value << 7 | (scrub_number(s, at + i, 1, true) & 0x7f);
    }
    return value;
}

/* Length of the tag at the start of s; 0: there is none, or it is not whole. */
static size_t tag_before(struct slice s)
{
    size_t footer = scrub_number(s, 5, 1, true) & 0x10 ? ID3_LEN : 0;
    size_t len = ID3_LEN + seven_bits(s, 6) + footer;

    return slice_starts(s, SLICE("ID3")) && len <= s.len ? len : 0;
}

static struct slice last(struct slice s, size_t len)
{
    return len <= s.len ? slice_from(s, s.len - len) : SLICE_NONE;
}

static size_t ape_len(struct slice s)
{
    struct slice foot = last(s, APE_LEN);
    size_t len = scrub_number(foot, 12, 4, false);
    size_t head = scrub_number(foot, 20, 4, false) >> 31 ? APE_LEN : 0;

    return slice_starts(foot, SLICE("APETAGEX")) && len >= APE_LEN ? len + head : 0;
}

static size_t lyrics_len(struct slice s)
{
    struct slice foot = last(s, LYRICS_END);
    uint64_t len = 0;

    if (!slice_equal(slice_from(foot, 6), SLICE("LYRICS200")) ||
        !slice_decimal(slice_head(foot, 6), 999999, &len)) {
        return 0;
    }
    return (size_t)len + LYRICS_END;
}

/* Length of the tag at the end of s; 0: there is none, or it is not whole. */
static size_t tag_behind(struct slice s)
{
    size_t len = ape_len(s);

    if (slice_starts(last(s, ID3_OLD), SLICE("TAG"))) {
        bool more = slice_starts(last(s, ID3_OLD + ID3_OLD_MORE), SLICE("TAG+"));
        len = more ? ID3_OLD + ID3_OLD_MORE : ID3_OLD;
    } else if (slice_starts(last(s, ID3_LEN), SLICE("3DI"))) {
        len = 2 * ID3_LEN + seven_bits(last(s, ID3_LEN), 6);
    } else if (len == 0) {
        len = lyrics_len(s);
    }
    return len <= s.len ? len : 0;
}

/* Frames of an MPEG sound, also of AAC. */
static bool is_frames(struct slice s)
{
    return s.len > 3 && s.ptr[0] == 0xff && (s.ptr[1] & 0xe0) == 0xe0;
}

static struct slice without_tags(struct slice s, struct buf *what)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t before = tag_before(s);
        s = slice_from(s, before);
        size_t behind = tag_behind(s);
        s = slice_head(s, s.len - behind);
        if (before + behind == 0) {
            return s;
        }
        scrub_say(what, TAG);
    }
    return SLICE_NONE;
}

enum scrub_end scrub_mpeg(struct slice bytes, struct buf *out, struct buf *what)
{
    struct slice sound = without_tags(bytes, what);
    struct slice begin = sound;

    while (begin.len && begin.ptr[0] == 0) { /* what fills up a tag */
        begin = slice_from(begin, 1);
    }
    if (slice_starts(sound, SLICE("fLaC"))) {
        enum scrub_end end = scrub_flac(sound, out, what);
        return end == SCRUB_CANNOT ? end : what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
    }
    if (!is_frames(begin)) {
        return scrub_refuse(what, SCRUB_DAMAGED);
    }
    buf_add(out, sound);
    return what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}

/* ---- FLAC ---- */

enum {
    STREAM_INFO = 0,
    SEEK_TABLE = 3,
    COMMENTS = 4,
    CUE_SHEET = 5,
    PICTURE = 6,
    LAST = 0x80,
    TYPE = 0x7f
};

/* What a block holds that is to go, or NULL. */
static const char *flac_secret(uint8_t type)
{
    return type == STREAM_INFO || type == SEEK_TABLE ? NULL
           : type == COMMENTS                        ? TAG
           : type == PICTURE                         ? "pictures"
                                                     : PROGRAM_DATA;
}

/* The tag that says where each channel is heard (RFC 9639 section 8.6.2); nothing when there is none. */
static struct slice channel_mask(struct slice block)
{
    static const char name[] = "WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x";
    size_t at = 4 + (size_t)scrub_number(block, 0, 4, false);
    uint32_t n = scrub_number(block, at, 4, false);

    for (at += 4; n && at + 4 <= block.len; n--) {
        size_t len = scrub_number(block, at, 4, false);
        struct slice tag = slice_head(slice_from(block, at + 4), len);
        struct slice value = slice_from(tag, sizeof(name) - 1);
        size_t digits = 0;
        while (digits < value.len && isxdigit(value.ptr[digits])) {
            digits++;
        }
        if (slice_starts_nocase(tag, SLICE(name)) && tag.len == len && digits == value.len &&
            digits > 0 && digits <= MASK_DIGITS) {
            return tag;
        }
        at += 4 + len;
    }
    return SLICE_NONE;
}

static void add_little(struct buf *out, size_t value)
{
    for (size_t i = 0; i < 4; i++) {
        buf_add_byte(out, (uint8_t)(value >> 8 * i));
    }
}

/* Tags without all but that one, if there is one. */
static void write_comments(struct slice block, struct buf *fresh)
{
    struct slice mask = channel_mask(block);

    if (mask.len) {
        add_little(fresh, 0);
        add_little(fresh, 1);
        add_little(fresh, mask.len);
        buf_add(fresh, mask);
    }
}

/* Where tracks begin, without the numbers of the disc and of its recordings (section 8.7); nothing when it is not whole. */
static void write_cue_sheet(struct slice block, struct buf *fresh)
{
    size_t tracks = scrub_number(block, CUE_HEAD - 1, 1, true);
    size_t at = CUE_HEAD;

    buf_add(fresh, block);
    for (; tracks && at < block.len; tracks--) {
        if (block.len - at >= CUE_TRACK) {
            (void)memset(fresh->ptr + at + CUE_ISRC, 0, CUE_ISRC_LEN);
        }
        at += CUE_TRACK + CUE_POINT * scrub_number(block, at + CUE_TRACK - 1, 1, true);
    }
    if (block.len < CUE_HEAD || tracks || at != block.len) {
        buf_reset(fresh);
        return;
    }
    (void)memset(fresh->ptr, 0, CUE_CATALOGUE);
}

/* Append a block, as far as it stays; *last_head: where the last one stands in `out`. False when it is too large. */
static bool take_block(struct slice block, size_t *last_head, struct buf *out, struct buf *what)
{
    OWN(buf) struct buf fresh = {.max = FLAC_BLOCK};
    struct slice body = slice_from(block, 4);
    uint8_t type = block.ptr[0] & TYPE;
    const char *secret = flac_secret(type);

    if (!secret) {
        buf_add(&fresh, body);
    } else if (type == COMMENTS) {
        write_comments(body, &fresh);
    } else if (type == CUE_SHEET) {
        write_cue_sheet(body, &fresh);
    }
    if (secret && (fresh.len == 0 || !slice_equal(buf_slice(&fresh), body))) {
        scrub_say(what, secret);
    }
    if (!secret || fresh.len) {
        *last_head = out->len;
        buf_add_byte(out, type);
        for (size_t i = 3; i-- > 0;) {
            buf_add_byte(out, (uint8_t)(fresh.len >> 8 * i));
        }
        buf_add(out, buf_slice(&fresh));
    }
    return !fresh.full && !out->full;
}

enum scrub_end scrub_flac(struct slice bytes, struct buf *out, struct buf *what)
{
    struct slice rest = slice_from(bytes, 4);
    size_t last_head = 0; /* where in out the block stands that may become the last */
    bool ended = false;

    buf_add(out, slice_head(bytes, 4));
    while (!ended) {
        size_t len = 4 + (size_t)scrub_number(rest, 1, 3, true);
        if (rest.len < len || !take_block(slice_head(rest, len), &last_head, out, what)) {
            return SCRUB_CANNOT;
        }
        ended = (rest.ptr[0] & LAST) != 0;
        rest = slice_from(rest, len);
    }
    if (last_head == 0) {
        return SCRUB_CANNOT;
    }
    out->ptr[last_head] |= LAST;
    buf_add(out, rest);
    return out->full ? SCRUB_CANNOT : what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}

/* ---- WAV ---- */

/* What a chunk holds that is to go, or NULL. */
static const char *wave_secret(struct slice type)
{
    static const char *const staying[] = {"fmt ", "data", "fact", "cue ", "plst",
                                          "smpl", "inst", "PEAK", "slnt"};

    for (size_t i = 0; i < sizeof(staying) / sizeof(staying[0]); i++) {
        if (slice_equal(type, slice_text(staying[i]))) {
            return NULL;
        }
    }
    return slice_starts_nocase(type, SLICE("id3 ")) ? TAG
           : slice_equal(type, SLICE("_PMX"))       ? "XMP"
                                                    : PROGRAM_DATA;
}

/* Append a chunk, as far as it stays; *sound: it is one. False when it cannot be changed. */
static bool take_chunk(struct slice chunk, bool *sound, struct buf *out, struct buf *what)
{
    struct slice type = slice_head(chunk, 4);
    struct slice form = slice_head(slice_from(chunk, 8), 4); /* of a list */
    bool list = slice_equal(type, SLICE("LIST"));
    bool waves = list && slice_equal(form, SLICE("wavl"));
    bool tags = list && (slice_equal(form, SLICE("INFO")) || slice_equal(form, SLICE("adtl")) ||
                         slice_equal(form, SLICE("exif")));

    if ((list && !waves && !tags) ||
        slice_equal(type, SLICE("chna"))) { /* which objects are heard where */
        (void)scrub_refuse_kind(what);
        return false;
    }
    *sound = *sound || waves || slice_equal(type, SLICE("data"));
    const char *secret = waves ? NULL : tags ? TAG : wave_secret(type);
    if (secret) {
        scrub_say(what, secret);
    } else {
        buf_add(out, chunk);
    }
    return true;
}

enum scrub_end scrub_wave(struct slice bytes, struct buf *out, struct buf *what)
{
    struct slice rest = slice_from(bytes, RIFF_HEAD);
    bool sound = false;

    buf_add(out, slice_head(bytes, RIFF_HEAD));
    while (rest.len) {
        size_t len = scrub_number(rest, 4, 4, false);
        if (rest.len < 8 || len > rest.len - 8) {
            return SCRUB_CANNOT;
        }
        size_t padded = 8 + len + (len & 1 && len < rest.len - 8 ? 1 : 0);
        if (!take_chunk(slice_head(rest, padded), &sound, out, what)) {
            return SCRUB_CANNOT;
        }
        rest = slice_from(rest, padded);
    }
    if (out->full || !sound) {
        return SCRUB_CANNOT;
    }
    for (size_t i = 0; i < 4; i++) {
        out->ptr[4 + i] = (uint8_t)((out->len - 8) >> 8 * i);
    }
    return what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}
