/* TIFF 6.0: of each directory the entries stay that say how the picture is read; every byte that none of them refers to becomes zero, and all
 * that stays is where it was. Raw pictures, which look like TIFF, stay as they are. */
#include <stdlib.h>

#include "formats/scrub/internal.h"

#define ENTRY           12
#define DIRECTORIES_MAX 1000
#define SHORT           3
#define LONG            4

enum tag {
    COMPRESSION = 259,
    STRIP_OFFSETS = 273,
    STRIP_COUNTS = 279,
    TILE_OFFSETS = 324,
    TILE_COUNTS = 325,
    JPEG_OFFSET = 513,
    JPEG_COUNT = 514,
};

/* First and last tag of those that stay: TIFF 6.0 and its supplements, a colour profile, where a map lies (GeoTIFF). */
static const uint16_t staying[][2] = {
    {254,   259  },
    {262,   266  },
    {273,   274  },
    {277,   284  },
    {286,   288  },
    {290,   293  },
    {296,   297  },
    {301,   301  },
    {317,   325  },
    {332,   334  },
    {336,   342  },
    {347,   347  },
    {513,   514  },
    {529,   532  },
    {33550, 33550},
    {33922, 33922},
    {34264, 34264},
    {34675, 34675},
    {34735, 34737},
    {42113, 42113},
};

/* With these the picture's data are in places that are not known here: directories below this one, the first form of JPEG. */
static const uint16_t closed[] = {330, 400, 519, 520, 521};

/* From here on there are tags of raw pictures and of single programs. */
#define PRIVATE 50000

/* Of TIFF 6.0, its supplements and what every program reads besides: others are those of raw pictures. */
static const uint16_t compressions[] = {1, 2, 3, 4, 5, 7, 8, 32773, 32946};

struct tiff {
    struct slice in;
    struct buf *out;
    struct buf *what;
    uint8_t *stays; /* of each byte: 1 when something refers to it */
    size_t spent;   /* bytes that were gone through; those that overlap count twice */
    bool big;
};

/* Strips, values and directories together are no longer than twice the file: many that overlap would cost too much. */
static bool spend(struct tiff *t, size_t len)
{
    t->spent += len;
    return t->spent <= 2 * t->in.len + 64;
}

static bool mark(struct tiff *t, size_t at, size_t len)
{
    if (at > t->in.len || len > t->in.len - at || !spend(t, len)) {
        return false;
    }
    (void)memset(t->stays + at, 1, len);
    return true;
}

static uint32_t number(const struct tiff *t, size_t at, size_t bytes)
{
    return scrub_number(t->in, at, bytes, t->big);
}

static void put(struct tiff *t, size_t at, size_t bytes, uint32_t value)
{
    for (size_t i = 0; i < bytes && at + i < t->out->len; i++) {
        size_t shift = 8 * (t->big ? bytes - 1 - i : i);
        t->out->ptr[at + i] = (uint8_t)(value >> shift);
    }
}

static size_t size_of(uint32_t type)
{
    static const uint8_t sizes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8};

    return type < sizeof(sizes) ? sizes[type] : 0;
}

static bool is_staying(uint32_t tag)
{
    for (size_t i = 0; i < sizeof(staying) / sizeof(staying[0]); i++) {
        if (tag >= staying[i][0] && tag <= staying[i][1]) {
            return true;
        }
    }
    return false;
}

static bool is_in(const uint16_t *list, size_t n, uint32_t value)
{
    while (n > 0 && list[n - 1] != value) {
        n--;
    }
    return n > 0;
}

static bool is_closed(uint32_t tag)
{
    return tag >= PRIVATE || is_in(closed, sizeof(closed) / sizeof(closed[0]), tag);
}

static const char *word_of(uint32_t tag)
{
    return tag == 34665 || tag == 34853   ? "EXIF"
           : tag == 700                   ? "XMP"
           : tag == 33723 || tag == 34377 ? "IPTC"
                                          : "texts";
}

/* Where the values of an entry stand; false when they are not in the file. */
static bool values_of(const struct tiff *t, size_t entry, size_t *at, size_t *len)
{
    uint64_t bytes = (uint64_t)size_of(number(t, entry + 2, 2)) * number(t, entry + 4, 4);

    *at = bytes <= 4 ? entry + 8 : number(t, entry + 8, 4);
    *len = (size_t)bytes;
    return bytes > 0 && bytes <= t->in.len && *at <= t->in.len - bytes;
}

/* The i-th value of an entry of SHORT or LONG. */
static uint32_t value_at(const struct tiff *t, size_t entry, size_t at, size_t i)
{
    size_t size = number(t, entry + 2, 2) == SHORT ? 2 : 4;

    return number(t, at + size * i, size);
}

/* Mark what stands at offsets that one entry lists, as long as another says. */
static bool mark_data(struct tiff *t, size_t offsets, size_t counts)
{
    uint32_t n = number(t, offsets + 4, 4);
    size_t at = 0;
    size_t at_counts = 0;
    size_t len = 0;

    if (!counts || number(t, counts + 4, 4) != n || !values_of(t, offsets, &at, &len) ||
        !values_of(t, counts, &at_counts, &len)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!mark(t, value_at(t, offsets, at, i), value_at(t, counts, at_counts, i))) {
            return false;
        }
    }
    return true;
}

/* The entry of a tag; 0: there is none. */
static size_t find(const struct tiff *t, size_t directory, uint32_t tag)
{
    uint32_t n = number(t, directory, 2);

    for (size_t i = 0; i < n; i++) {
        size_t entry = directory + 2 + ENTRY * i;
        uint32_t type = number(t, entry + 2, 2);
        if (number(t, entry, 2) == tag && (type == SHORT || type == LONG)) {
            return entry;
        }
    }
    return 0;
}

/* Whether a picture is packed in a way of TIFF's own; where it does not say, it is not packed. */
static bool is_usual(const struct tiff *t, size_t directory)
{
    size_t entry = find(t, directory, COMPRESSION);
    size_t at = 0;
    size_t len = 0;

    if (!entry) {
        return true;
    }
    return values_of(t, entry, &at, &len) &&
           is_in(compressions, sizeof(compressions) / sizeof(compressions[0]),
                 value_at(t, entry, at, 0));
}

static bool mark_picture(struct tiff *t, size_t directory)
{
    static const uint16_t pairs[][2] = {
        {STRIP_OFFSETS, STRIP_COUNTS},
        {TILE_OFFSETS,  TILE_COUNTS },
        {JPEG_OFFSET,   JPEG_COUNT  }
    };
    bool any = false;

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        size_t offsets = find(t, directory, pairs[i][0]);
        if (offsets && !mark_data(t, offsets, find(t, directory, pairs[i][1]))) {
            return false;
        }
        any = any || offsets;
    }
    return any;
}

/* One entry: it moves up to where the next one stands that stays. */
static bool take_entry(struct tiff *t, size_t entry, size_t *to)
{
    uint32_t tag = number(t, entry, 2);
    size_t at = 0;
    size_t len = 0;

    if (is_closed(tag)) {
        return false;
    }
    if (!is_staying(tag)) {
        scrub_say(t->what, word_of(tag));
        return true;
    }
    if (!values_of(t, entry, &at, &len) || (len > 4 && !mark(t, at, len))) {
        return false;
    }
    (void)memmove(t->out->ptr + *to, t->in.ptr + entry, ENTRY);
    *to += ENTRY;
    return true;
}

/* One directory; *next is where the next one stands, or 0. */
static bool take_directory(struct tiff *t, size_t at, size_t *next)
{
    uint32_t n = number(t, at, 2);
    size_t to = at + 2;

    if (at < 8 || at > t->in.len || t->in.len - at < 6 + (size_t)n * ENTRY ||
        !spend(t, (size_t)n * ENTRY) || !is_usual(t, at) || !mark_picture(t, at)) {
        return false;
    }
    *next = number(t, at + 2 + ENTRY * (size_t)n, 4);
    for (size_t i = 0; i < n; i++) {
        if (!take_entry(t, at + 2 + ENTRY * i, &to)) {
            return false;
        }
    }
    put(t, at, 2, (uint32_t)((to - at - 2) / ENTRY));
    put(t, to, 4, (uint32_t)*next);
    return mark(t, at, to + 4 - at);
}

static bool take_all(struct tiff *t)
{
    size_t at = number(t, 4, 4);

    if (slice_starts(slice_from(t->in, 8), SLICE("CR"))) {
        return false; /* a raw picture of Canon's */
    }
    for (int i = 0; at && i < DIRECTORIES_MAX; i++) {
        if (!take_directory(t, at, &at)) {
            return false;
        }
    }
    return at == 0 && mark(t, 0, 8);
}

enum scrub_end scrub_tiff(struct slice bytes, struct buf *out, struct buf *what)
{
    struct tiff t = {.in = bytes, .out = out, .what = what, .big = bytes.ptr[0] == 'M'};

    buf_add(out, bytes);
    t.stays = calloc(bytes.len + 1, 1);
    bool sound = t.stays && !out->full && take_all(&t);
    for (size_t i = 0; sound && i < out->len; i++) {
        out->ptr[i] = t.stays[i] ? out->ptr[i] : 0;
    }
    free(t.stays);
    return !sound ? SCRUB_CANNOT : what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}
