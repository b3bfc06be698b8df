/* HEIC and AVIF: ISO/IEC 23008-12 in the boxes of ISO/IEC 14496-12.
 *
 * No byte moves, since items are found by their offsets. Of what mdat and idat hold the pictures stay, and all else is overwritten:
 * EXIF by an empty one, XMP by spaces, what no item is read from by zeros. Which side is up is a property of the picture. */
#include "formats/scrub/boxes.h"
#include "formats/scrub/internal.h"

#define ITEMS_MAX    1000
#define EXTENTS_MAX  20000
#define BOXES_MAX    100 /* outermost ones */
#define FULL         4   /* version and flags of a full box */
#define HANDLER_NAME 24  /* where it stands in hdlr */
#define METHOD_FILE  0
#define METHOD_IDAT  1

struct item {
    uint64_t id;
    const char *secret; /* what it says; NULL: it is a picture */
};

struct heif {
    struct slice in;
    struct buf *out;
    struct buf *what;
    struct slice iloc; /* without version and flags */
    struct slice idat;
    uint8_t iloc_version;
    struct item items[ITEMS_MAX];
    size_t n_items;
    size_t extents; /* gone through so far */
    size_t settled; /* bytes of them */
};

/* Where a view of the file stands in what is made of it. */
static uint8_t *made(struct heif *h, struct slice s)
{
    return h->out->ptr + (s.ptr - h->in.ptr);
}

static void overwrite(struct heif *h, struct slice s, uint8_t by)
{
    if (s.len) {
        (void)memset(made(h, s), by, s.len);
    }
}

/* A full box: its body without version and flags. */
static struct slice full(struct slice body, uint8_t *version)
{
    *version = body.len ? body.ptr[0] : 0;
    return slice_from(body, FULL);
}

static void say_if_changed(struct heif *h, struct slice s, const char *secret)
{
    if (s.len && memcmp(made(h, s), s.ptr, s.len) != 0) {
        scrub_say(h->what, secret);
    }
}

/* Overwrite it, and name what it said, if it said something. */
static void blank(struct heif *h, struct slice s, uint8_t by, const char *secret)
{
    overwrite(h, s, by);
    say_if_changed(h, s, secret);
}

/* ---- items ---- */

/* Note what an item of this type says; false when that is not known. Pictures within that say something themselves (jpeg, j2k1) are
 * not gone through. */
static bool set_secret(struct item *item, struct slice type)
{
    static const struct {
        const char *type;
        const char *secret;
    } rows[] = {
        {"Exif", "EXIF"            },
        {"mime", "XMP"             },
        {"uri ", "data of programs"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (slice_equal(type, slice_text(rows[i].type))) {
            item->secret = rows[i].secret;
            return true;
        }
    }
    item->secret = NULL;
    return box_is_one_of(type, "hvc1hvt1lhv1avc1vvc1av01gridiovlidentmap");
}

static const struct item *find_item(const struct heif *h, uint64_t id)
{
    for (size_t i = 0; i < h->n_items; i++) {
        if (h->items[i].id == id) {
            return &h->items[i];
        }
    }
    return NULL;
}

/* ItemInfoEntry, version 2 or 3. Its name is made blank. */
static bool take_item(struct heif *h, const struct box *infe)
{
    struct item *item = &h->items[h->n_items];
    struct box_reader r = {.rest = infe->body};
    uint64_t version = box_take(&r, 1);

    (void)box_take(&r, 3);
    if (h->n_items == ITEMS_MAX || !slice_equal(infe->type, SLICE("infe")) ||
        (version != 2 && version != 3)) {
        return false;
    }
    h->n_items++;
    item->id = box_take(&r, version == 3 ? 4 : 2);
    uint64_t protected = box_take(&r, 2);
    struct slice type = slice_head(r.rest, 4);
    (void)box_take(&r, 4);
    blank(h, slice_head(r.rest, slice_find(r.rest, '\0')), ' ', "names");
    return !r.missing && protected == 0 && find_item(h, item->id) == item && set_secret(item, type);
}

static bool take_items(struct heif *h, struct slice iinf)
{
    uint8_t version = 0;
    struct slice rest = full(iinf, &version);
    struct box box;

    for (rest = slice_from(rest, version ? 4 : 2); rest.len;) {
        if (!box_next(&rest, &box) || !take_item(h, &box)) {
            return false;
        }
    }
    return true;
}

/* ---- where they stand ---- */

/* The extent of an item, or nothing when it is not wholly in what mdat or idat hold. */
static struct slice extent(const struct heif *h, uint64_t method, uint64_t at, uint64_t len)
{
    struct slice whole = method == METHOD_IDAT ? h->idat : h->in;
    struct slice rest = h->in;
    struct box box;

    if (method > METHOD_IDAT || len == 0 || at > whole.len || len > whole.len - at) {
        return SLICE_NONE;
    }
    struct slice found = slice_head(slice_from(whole, (size_t)at), (size_t)len);
    while (method == METHOD_FILE && box_next(&rest, &box)) {
        if (slice_equal(box.type, SLICE("mdat")) && found.ptr >= box.body.ptr &&
            found.ptr + found.len <= box.body.ptr + box.body.len) {
            return found;
        }
    }
    return method == METHOD_IDAT ? found : SLICE_NONE;
}

/* Put a picture back, or what stands for a secret that is gone. False when more is settled than two passes over the file have. */
static bool settle(struct heif *h, struct slice bytes, const char *secret)
{
    static const uint8_t nothing[] = {0, 0, 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0};

    h->settled += bytes.len;
    if (h->settled > 2 * h->in.len) {
        return false;
    }
    if (!secret) {
        (void)memcpy(made(h, bytes), bytes.ptr, bytes.len);
        return true;
    }
    bool exif = slice_equal(slice_text(secret), SLICE("EXIF"));
    overwrite(h, bytes, exif ? 0 : ' ');
    if (exif && bytes.len >= sizeof(nothing)) {
        (void)memcpy(made(h, bytes), nothing, sizeof(nothing));
    }
    say_if_changed(h, bytes, secret);
    return true;
}

/* How iloc writes its numbers. */
struct widths {
    size_t id;
    size_t offset;
    size_t length;
    size_t base;
    size_t index;
};

/* One item of iloc: settled, when it is (not) a secret as asked for. */
static bool take_location(struct heif *h, struct box_reader *r, const struct widths *w,
                          bool secrets)
{
    uint64_t id = box_take(r, w->id);
    uint64_t method = h->iloc_version ? box_take(r, 2) & 0xf : METHOD_FILE;
    uint64_t elsewhere = box_take(r, 2);
    uint64_t base = box_take(r, w->base);
    uint64_t extents = box_take(r, 2);
    const struct item *item = find_item(h, id);

    h->extents += extents;
    if (r->missing || elsewhere || !item || h->extents > (size_t)2 * EXTENTS_MAX) {
        return false;
    }
    for (uint64_t i = 0; i < extents; i++) {
        (void)box_take(r, w->index);
        uint64_t at = base + box_take(r, w->offset);
        uint64_t len = box_take(r, w->length);
        struct slice bytes = r->missing || at < base ? SLICE_NONE : extent(h, method, at, len);
        if (bytes.len == 0 ||
            ((item->secret != NULL) == secrets && !settle(h, bytes, item->secret))) {
            return false;
        }
    }
    return true;
}

static bool take_locations(struct heif *h, bool secrets)
{
    struct box_reader r = {.rest = h->iloc};
    uint64_t sizes = box_take(&r, 2);
    uint64_t items = box_take(&r, h->iloc_version == 2 ? 4 : 2);
    const struct widths w = {.id = h->iloc_version == 2 ? 4 : 2,
                             .offset = sizes >> 12,
                             .length = sizes >> 8 & 0xf,
                             .base = sizes >> 4 & 0xf,
                             .index = h->iloc_version ? sizes & 0xf : 0};

    if (h->iloc_version > 2 || w.offset > 8 || w.length > 8 || w.base > 8 || w.index > 8 ||
        items > ITEMS_MAX) {
        return false;
    }
    for (uint64_t i = 0; i < items; i++) {
        if (!take_location(h, &r, &w, secrets)) {
            return false;
        }
    }
    return !r.missing;
}

/* ---- boxes ---- */

/* Properties of pictures: what they are read by stays; descriptions and times become free space. */
static bool take_properties(struct heif *h, struct slice iprp)
{
    struct box box;

    if (!box_next(&iprp, &box) || !slice_equal(box.type, SLICE("ipco"))) {
        return false;
    }
    for (struct slice rest = box.body; rest.len;) {
        if (!box_next(&rest, &box)) {
            return false;
        }
        if (box_is_one_of(box.type, "udescrttmdftitaifreeskip")) {
            blank(h, box.body, 0, "descriptions");
            (void)memcpy(made(h, box.type), "free", 4);
        } else if (!box_is_one_of(box.type,
                                  "hvcClhvCavcCvvcCav1CjpgCj2kHispecolrpixiirotimirauxCpaspclap"
                                  "lselrlocclliamvemdcvcclva1opa1lxrreftols")) {
            return false;
        }
    }
    return true;
}

/* One box of meta. */
static bool take_about(struct heif *h, const struct box *box)
{
    if (slice_equal(box->type, SLICE("iinf"))) {
        return h->n_items == 0 && take_items(h, box->body);
    }
    if (slice_equal(box->type, SLICE("iprp"))) {
        return take_properties(h, box->body);
    }
    if (slice_equal(box->type, SLICE("iloc"))) {
        bool first = h->iloc.len == 0;
        h->iloc = full(box->body, &h->iloc_version);
        return first;
    }
    if (slice_equal(box->type, SLICE("idat"))) {
        bool first = h->idat.len == 0;
        h->idat = box->body;
        overwrite(h, box->body, 0);
        return first;
    }
    if (box_is_one_of(box->type, "freeskip")) {
        blank(h, box->body, 0, "data of programs");
        return true;
    }
    if (slice_equal(box->type, SLICE("hdlr"))) {
        blank(h, slice_from(box->body, HANDLER_NAME), 0, "names");
        return true;
    }
    return box_is_one_of(box->type, "pitmirefdinfgrpl");
}

static bool take_meta(struct heif *h, struct slice meta)
{
    struct box box;

    for (struct slice rest = slice_from(meta, FULL); rest.len;) {
        if (!box_next(&rest, &box) || !take_about(h, &box)) {
            return false;
        }
    }
    return h->n_items && h->iloc.len;
}

/* One of the outermost boxes; a film has others. */
static bool take_outermost(struct heif *h, const struct box *box, bool *found)
{
    if (slice_equal(box->type, SLICE("meta"))) {
        bool first = !*found;
        *found = true;
        return first && take_meta(h, box->body);
    }
    if (box_is_one_of(box->type, "freeskipuuid")) {
        blank(h, box->body, 0, "data of programs");
        return true;
    }
    if (slice_equal(box->type, SLICE("mdat"))) {
        overwrite(h, box->body, 0);
        return true;
    }
    return slice_equal(box->type, SLICE("ftyp"));
}

static bool take_file(struct heif *h)
{
    struct slice rest = h->in;
    struct box box;
    bool found = false;

    for (size_t n = 0; rest.len; n++) {
        if (n == BOXES_MAX || !box_next(&rest, &box) || !take_outermost(h, &box, &found)) {
            return false;
        }
    }
    return found && take_locations(h, false) && take_locations(h, true);
}

enum scrub_end scrub_heif(struct slice bytes, struct buf *out, struct buf *what)
{
    struct heif h = {.in = bytes, .out = out, .what = what};

    buf_add(out, bytes);
    if (out->full || !take_file(&h)) {
        return SCRUB_CANNOT;
    }
    if (what->len == 0 && !slice_equal(buf_slice(out), bytes)) {
        scrub_say(what, "data of programs");
    }
    return what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}
