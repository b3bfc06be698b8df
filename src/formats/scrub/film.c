/* Films and sounds in the boxes of ISO/IEC 14496-12 and QuickTime: MP4, MOV, M4A, 3GP.
 *
 * No byte moves, since samples are found by their offsets. Boxes that say who made it, where and with what become free space of zeros, and so do
 * tracks of data that nobody sees or hears, such as places, with their samples; names and times become zeros. What stands in the coded pictures
 * and sounds themselves stays. */
#include "formats/scrub/boxes.h"
#include "formats/scrub/internal.h"
#include "formats/scrub/samples.h"

#define BOXES_MAX    20000 /* in all */
#define DEPTH_MAX    5
#define FULL         4  /* version and flags of a full box */
#define HANDLER_AT   8  /* where a handler's kind stands in hdlr */
#define HANDLER_NAME 24 /* and its name */
#define VENDOR_AT    12 /* where a description of samples says who coded them */
#define VENDOR_LEN   4
#define CODER_AT     42 /* and, for pictures, with what */
#define CODER_LEN    32
#define CHUNKS_MAX   1000000
#define MDATS_MAX    64
#define PROGRAM_DATA "data of programs"
#define SENSORS      "data of sensors"
#define NOTES        "it has subtitles that are notes of a camera, which are not changed"

struct film {
    struct slice in;
    struct buf *out;
    struct buf *what;
    struct slice data[MDATS_MAX]; /* in which samples are */
    size_t n_data;
    size_t boxes;
    size_t spent; /* bytes of samples that became zeros */
    const char *why;
};

static bool refuse(struct film *f, const char *why)
{
    f->why = f->why ? f->why : why;
    return false;
}

/* Where a view of the file stands in what is made of it. */
static uint8_t *made(struct film *f, struct slice s)
{
    return f->out->ptr + (s.ptr - f->in.ptr);
}

/* Make it zeros, and name what it said, if it said something. */
static void blank(struct film *f, struct slice s, const char *secret)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i]) {
            (void)memset(made(f, s), 0, s.len);
            scrub_say(f->what, secret);
            return;
        }
    }
}

static const char *secret_of(const struct box *box)
{
    static const uint8_t xmp[] = {0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8,
                                  0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac};

    if (slice_equal(box->type, SLICE("uuid")) && slice_starts(box->body, SLICE_ARRAY(xmp))) {
        return "XMP";
    }
    return box_is_one_of(box->type, "udtameta") ? "descriptions" : PROGRAM_DATA;
}

/* A box becomes free space. */
static void drop(struct film *f, const struct box *box, const char *secret)
{
    if (!box_is_one_of(box->type, "freeskipwide")) {
        (void)memcpy(made(f, box->type), "free", 4);
        scrub_say(f->what, secret);
    }
    blank(f, box->body, secret);
}

/* ---- the samples of a track that goes ---- */

/* The bytes of samples; false when they are not in one of those boxes. */
static bool in_data(const struct film *f, uint64_t at, uint64_t len, struct slice *found)
{
    for (size_t i = 0; i < f->n_data; i++) {
        uint64_t begin = (uint64_t)(f->data[i].ptr - f->in.ptr);
        if (at >= begin && at - begin <= f->data[i].len && len <= f->data[i].len - (at - begin)) {
            *found = slice_head(slice_from(f->in, (size_t)at), (size_t)len);
            return true;
        }
    }
    return false;
}

/* Whether the sizes of samples can be read, and there are not too many. */
static bool is_readable(const struct samples *t)
{
    return (t->size_bits == 32 || t->size_bits == 16 || t->size_bits == 8) &&
           t->n_chunks <= CHUNKS_MAX && t->size <= UINT32_MAX;
}

/* What is done with samples that follow each other; false ends it. */
typedef bool visit_fn(struct film *f, struct slice samples);

static bool visit_some(struct film *f, const struct samples *t, uint64_t at, uint64_t len,
                       visit_fn *visit)
{
    struct slice samples;

    if (t->chunks.missing || t->sizes.missing || !in_data(f, at, len, &samples)) {
        return false;
    }
    f->spent += samples.len + 1;
    return f->spent <= 2 * f->in.len && visit(f, samples);
}

/* Go through all pieces, or sample by sample; false when they are not all in the file, or more than two passes over it have. */
static bool visit_samples(struct film *f, struct samples *t, bool single, visit_fn *visit)
{
    size_t run = 0;
    bool good = true;

    for (uint64_t i = 0; good && i < t->n_chunks && t->count; i++) {
        uint64_t at = box_take(&t->chunks, t->offset_bytes);
        uint64_t left = samples_in(t, i, &run);
        while (good && left && t->count) {
            uint64_t n = single ? 1 : left;
            uint64_t len = samples_bytes(t, n);
            good = visit_some(f, t, at, len, visit);
            at += len;
            left -= n;
        }
    }
    return good && t->count == 0;
}

static bool blank_sensors(struct film *f, struct slice samples)
{
    blank(f, samples, SENSORS);
    return true;
}

/* Drones and cameras note as subtitles where they are and how they film. */
static bool is_subtitle(struct film *f, struct slice sample)
{
    static const char *const signs[] = {"[latitude", "GPS(", "GPS ("};
    struct slice text = slice_from(sample, 2); /* behind its length */
    bool notes = slice_starts(text, SLICE("GPS")) || slice_starts(text, SLICE("F/"));

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]) && !notes; i++) {
        notes = text.len && memmem(text.ptr, text.len, signs[i], strlen(signs[i]));
    }
    return !notes || refuse(f, NOTES);
}

/* ---- what is in moov ---- */

/* What becomes of a box. */
enum act { STAYS, WALKED, GOES, TIMED, NAMED, DESCRIBED, CHECKED, REFERS };

struct place {
    const char *in;
    const char *names; /* of four letters each */
    enum act act;
};

/* All others go. */
static const struct place places[] = {
    {"moov", "trak",                                                                 WALKED   },
    {"moov", "mvhd",                                                                 TIMED    },
    {"moov", "iodsctabclip",                                                         STAYS    },
    {"trak", "mdia",                                                                 WALKED   },
    {"trak", "tkhd",                                                                 TIMED    },
    {"trak", "tref",                                                                 REFERS   },
    {"trak", "edtstaptloadmattclip",                                                 STAYS    },
    {"mdia", "minf",                                                                 WALKED   },
    {"mdia", "mdhd",                                                                 TIMED    },
    {"mdia", "hdlr",                                                                 NAMED    },
    {"mdia", "elng",                                                                 STAYS    },
    {"minf", "stbl",                                                                 WALKED   },
    {"minf", "hdlr",                                                                 NAMED    },
    {"minf", "dinf",                                                                 CHECKED  },
    {"minf", "vmhdsmhdnmhdsthdhmhdgmhd",                                             STAYS    },
    {"stbl", "stsd",                                                                 DESCRIBED},
    {"stbl", "sttscttscslgstssstpsstscstszstz2stcoco64stshstdppadbsdtpsbgpsgpdsubs", STAYS    },
};

static enum act act_of(const char *in, struct slice type)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (memcmp(places[i].in, in, 4) == 0 && box_is_one_of(type, places[i].names)) {
            return places[i].act;
        }
    }
    return GOES;
}

/* When it was made and changed, in a header of the film, a track or its media. */
static void blank_times(struct film *f, const struct box *box)
{
    bool wide = box->body.len && box->body.ptr[0] == 1;

    blank(f, slice_head(slice_from(box->body, FULL), wide ? 16 : 8), "time");
}

/* How samples are coded: all but who made the coder. */
static bool describe(struct film *f, const struct box *stsd)
{
    struct slice rest = slice_from(stsd->body, FULL + 4);
    struct box box;

    while (rest.len) {
        if (++f->boxes > BOXES_MAX || !box_next(&rest, &box)) {
            return false;
        }
        bool film = box_is_one_of(box.type, "avc1avc3hvc1hev1dvh1dvheav01vp08vp09mp4vh263s263jpeg"
                                            "mjpaapcnapchapcsapcoap4hap4x");
        bool sound = box_is_one_of(box.type, "mp4asowttwosraw lpcmac-3ec-3alacsamrsawbOpusfLaC.mp3"
                                             "ulawalawin24in32fl32fl64ima4");
        if (film || sound) {
            blank(f, slice_head(slice_from(box.body, VENDOR_AT), VENDOR_LEN), "names");
        }
        if (film) {
            blank(f, slice_head(slice_from(box.body, CODER_AT), CODER_LEN), "names");
        }
    }
    return true;
}

/* All samples are in this file: otherwise a path leads to another. */
static bool is_whole(struct film *f, const struct box *dinf)
{
    struct slice rest = dinf->body;
    struct box dref;
    struct box box;

    if (!box_next(&rest, &dref) || !slice_equal(dref.type, SLICE("dref"))) {
        return false;
    }
    for (rest = slice_from(dref.body, FULL + 4); rest.len;) {
        if (++f->boxes > BOXES_MAX || !box_next(&rest, &box)) {
            return false;
        }
        if ((scrub_number(box.body, 0, 4, true) & 1) == 0) {
            return refuse(f, "it needs other files, whose places it names");
        }
    }
    return true;
}

/* Which tracks a track belongs to: nothing is left that leads to one that goes. */
static bool refer(struct film *f, const struct box *tref)
{
    struct slice rest = tref->body;
    struct box box;

    while (rest.len) {
        if (++f->boxes > BOXES_MAX || !box_next(&rest, &box)) {
            return false;
        }
        if (box_is_one_of(box.type, "tmcdcdschint")) {
            drop(f, &box, SENSORS);
        }
    }
    return true;
}

/* How a film is seen from within a sphere (Spherical Video V1), beside the program that made it so. */
static bool is_sphere(const struct box *box)
{
    static const uint8_t sphere[] = {0xff, 0xcc, 0x82, 0x63, 0xf8, 0x55, 0x4a, 0x93,
                                     0x88, 0x14, 0x58, 0x7a, 0x02, 0x52, 0x1f, 0xdd};

    return slice_equal(box->type, SLICE("uuid")) && slice_starts(box->body, SLICE_ARRAY(sphere));
}

static bool walk(struct film *f, const struct box *parent, unsigned depth);

static bool take(struct film *f, const struct box *parent, const struct box *box, unsigned depth)
{
    switch (act_of((const char *)parent->type.ptr, box->type)) {
    case WALKED:
        return walk(f, box, depth + 1);
    case TIMED:
        blank_times(f, box);
        return true;
    case NAMED:
        blank(f, slice_from(box->body, HANDLER_NAME), "names");
        return true;
    case DESCRIBED:
        return describe(f, box);
    case CHECKED:
        return is_whole(f, box);
    case REFERS:
        return refer(f, box);
    case GOES:
        if (is_sphere(box)) {
            return refuse(f, "it is of a kind that is not changed");
        }
        drop(f, box, secret_of(box));
        return true;
    case STAYS:
        break;
    }
    return true;
}

/* Find a box in others by the types on the way to it, of four letters each. */
static bool look(struct film *f, struct slice rest, const char *path, struct box *found)
{
    while (*path && rest.len && ++f->boxes <= BOXES_MAX && box_next(&rest, found)) {
        if (slice_equal(found->type, slice_of(path, 4))) {
            rest = found->body;
            path += 4;
        }
    }
    return *path == '\0';
}

/* What kind of track it is, as its handler says; nothing when it has none. */
static struct slice handler_of(struct film *f, const struct box *trak)
{
    struct box hdlr;

    return look(f, trak->body, "mdiahdlr", &hdlr) ? slice_head(slice_from(hdlr.body, HANDLER_AT), 4)
                                                  : SLICE_NONE;
}

static bool find_samples(struct film *f, const struct box *trak, struct samples *t)
{
    struct box stbl;
    struct box box;

    if (!look(f, trak->body, "mdiaminfstbl", &stbl)) {
        return false;
    }
    for (struct slice rest = stbl.body; rest.len;) {
        if (++f->boxes > BOXES_MAX || !box_next(&rest, &box) || !samples_take(t, &box)) {
            return false;
        }
    }
    return is_readable(t) || t->count == 0;
}

/* A track that nobody sees or hears. */
static bool drop_track(struct film *f, const struct box *trak)
{
    struct samples t = {.count = 0};

    if (!find_samples(f, trak, &t) || !visit_samples(f, &t, false, blank_sensors)) {
        return false;
    }
    drop(f, trak, SENSORS);
    return true;
}

/* Subtitles stay, unless they are notes of a camera. */
static bool check_subtitles(struct film *f, const struct box *trak)
{
    struct samples t = {.count = 0};
    struct box hdlr;

    if (look(f, trak->body, "mdiahdlr", &hdlr) && hdlr.body.len &&
        memmem(hdlr.body.ptr, hdlr.body.len, "DJI", 3)) {
        return refuse(f, NOTES);
    }
    return find_samples(f, trak, &t) && visit_samples(f, &t, true, is_subtitle);
}

static bool walk_track(struct film *f, const struct box *trak, unsigned depth)
{
    struct slice kind = handler_of(f, trak);
    struct box parent = {.type = SLICE("trak")};
    struct slice rest = trak->body;
    struct box box;

    if (box_is_one_of(kind, "metatmcdhintfdsc")) {
        return drop_track(f, trak);
    }
    if (!box_is_one_of(kind, "videsountextsbtlsubtclcpsubppictauxv")) {
        return refuse(f, "it is of a kind that is not changed");
    }
    if (box_is_one_of(kind, "textsbtlsubt") && !check_subtitles(f, trak)) {
        return false;
    }
    while (rest.len) {
        if (++f->boxes > BOXES_MAX || !box_next(&rest, &box) || !take(f, &parent, &box, depth)) {
            return false;
        }
    }
    return true;
}

/* The depth of recursion is that of `places`. */
static bool walk(struct film *f, const struct box *parent, unsigned depth)
{
    struct slice rest = parent->body;
    struct box box;

    if (depth > DEPTH_MAX) {
        return false;
    }
    if (slice_equal(parent->type, SLICE("trak"))) {
        return walk_track(f, parent, depth);
    }
    while (rest.len) {
        if (++f->boxes > BOXES_MAX || !box_next(&rest, &box)) {
            return false;
        }
        if (box_is_one_of(box.type, "cmovmvexsaizsaiormra")) {
            return refuse(f, "it is of a kind that is not changed");
        }
        if (!take(f, parent, &box, depth)) {
            return false;
        }
    }
    return true;
}

/* ---- the whole ---- */

static bool take_outermost(struct film *f, const struct box *box, bool *found)
{
    if (slice_equal(box->type, SLICE("moov"))) {
        bool first = !*found;
        *found = true;
        return first && walk(f, box, 0);
    }
    if (box_is_one_of(box->type, "moofmfrasidxssixstyp") ||
        (slice_equal(box->type, SLICE("meta")) &&
         memmem(box->body.ptr, box->body.len, "iloc", 4))) {
        return refuse(f, "it is of a kind that is not changed");
    }
    if (!box_is_one_of(box->type, "ftypmdatpdin")) {
        drop(f, box, secret_of(box));
    }
    return true;
}

/* Note where samples are. */
static bool find_data(struct film *f)
{
    struct slice rest = f->in;
    struct box box;

    while (rest.len) {
        if (++f->boxes > BOXES_MAX || !box_next(&rest, &box)) {
            return false;
        }
        if (slice_equal(box.type, SLICE("mdat")) && f->n_data < MDATS_MAX) {
            f->data[f->n_data++] = box.body;
        }
    }
    return true;
}

enum scrub_end scrub_film(struct slice bytes, struct buf *out, struct buf *what)
{
    struct film f = {.in = bytes, .out = out, .what = what};
    struct slice rest = bytes;
    struct box box;
    bool found = false;
    bool good = find_data(&f);

    if (slice_starts(slice_from(bytes, 8), SLICE("crx "))) { /* a raw picture */
        return scrub_refuse_kind(what);
    }
    buf_add(out, bytes);
    while (good && !out->full && rest.len) {
        good = ++f.boxes <= BOXES_MAX && box_next(&rest, &box) && take_outermost(&f, &box, &found);
    }
    if (!good || !found || out->full) {
        return scrub_refuse(what, f.why ? f.why : SCRUB_DAMAGED);
    }
    return what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}
