/* Sounds: tags before and behind MP3 and AAC (ID3, APE, Lyrics3), the blocks of FLAC (RFC 9639 section 8), the chunks of WAV. What stands in the
 * coded sound itself, such as which program coded it, stays. */
#include "formats/scrub/internal.h"

#define TAG          "tags"
#define ROUNDS       20 /* of tags behind each other */
#define ID3_LEN      10
#define ID3_OLD      128 /* the one that stands at the end */
#define ID3_OLD_MORE 227
#define APE_LEN      32
#define LYRICS_END   15 /* how long they are, and their mark */
#define RIFF_HEAD    12

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

enum { STREAM_INFO = 0, SEEK_TABLE = 3, LAST = 0x80, TYPE = 0x7f };

/* What a block holds that is to go, or NULL. */
static const char *flac_secret(uint8_t type)
{
    static const char *const words[] = {[1] = "data of programs",
                                        [2] = "data of programs",
                                        [4] = TAG,
                                        [5] = "data of programs",
                                        [6] = "pictures"};

    return type == STREAM_INFO || type == SEEK_TABLE                ? NULL
           : type < sizeof(words) / sizeof(words[0]) && words[type] ? words[type]
                                                                    : "data of programs";
}

enum scrub_end scrub_flac(struct slice bytes, struct buf *out, struct buf *what)
{
    struct slice rest = slice_from(bytes, 4);
    size_t last_head = 0; /* where in out the block stands that may become the last */
    bool ended = false;

    buf_add(out, slice_head(bytes, 4));
    while (!ended) {
        size_t len = 4 + (size_t)scrub_number(rest, 1, 3, true);
        if (rest.len < len || len < 4) {
            return SCRUB_CANNOT;
        }
        const char *secret = flac_secret(rest.ptr[0] & TYPE);
        ended = (rest.ptr[0] & LAST) != 0;
        if (secret) {
            scrub_say(what, secret);
        } else {
            last_head = out->len;
            buf_add(out, slice_head(rest, len));
        }
        rest = slice_from(rest, len);
    }
    if (last_head == 0 || out->full) {
        return SCRUB_CANNOT;
    }
    out->ptr[last_head] |= LAST;
    buf_add(out, rest);
    return what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}

/* ---- WAV ---- */

/* What a chunk holds that is to go, or NULL. */
static const char *wave_secret(struct slice type)
{
    static const char *const staying[] = {"fmt ", "data", "fact", "cue ", "plst",
                                          "smpl", "inst", "PEAK", "wavl", "slnt"};

    for (size_t i = 0; i < sizeof(staying) / sizeof(staying[0]); i++) {
        if (slice_equal(type, slice_text(staying[i]))) {
            return NULL;
        }
    }
    bool tag = slice_equal(type, SLICE("LIST")) || slice_starts_nocase(type, SLICE("id3 "));
    return tag ? TAG : slice_equal(type, SLICE("_PMX")) ? "XMP" : "data of programs";
}

enum scrub_end scrub_wave(struct slice bytes, struct buf *out, struct buf *what)
{
    struct slice rest = slice_from(bytes, RIFF_HEAD);

    buf_add(out, slice_head(bytes, RIFF_HEAD));
    while (rest.len) {
        size_t len = scrub_number(rest, 4, 4, false);
        if (rest.len < 8 || len > rest.len - 8) {
            return SCRUB_CANNOT;
        }
        size_t padded = 8 + len + (len & 1 && len < rest.len - 8 ? 1 : 0);
        const char *secret = wave_secret(slice_head(rest, 4));
        if (secret) {
            scrub_say(what, secret);
        } else {
            buf_add(out, slice_head(rest, padded));
        }
        rest = slice_from(rest, padded);
    }
    if (out->full || out->len < RIFF_HEAD) {
        return SCRUB_CANNOT;
    }
    for (size_t i = 0; i < 4; i++) {
        out->ptr[4 + i] = (uint8_t)((out->len - 8) >> 8 * i);
    }
    return what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}
