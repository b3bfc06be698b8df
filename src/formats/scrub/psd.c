/* Photoshop's PSD and PSB ("Adobe Photoshop File Formats Specification"): a head, a table of colours, resources, layers, the picture. Of the
 * resources those stay by which it is shown and edited; all else stays byte for byte. */
#include "formats/scrub/internal.h"

#define HEAD          26 /* where the table of colours begins */
#define VERSION       4
#define RESOURCE_HEAD 6 /* "8BIM" and a number, before its name */
#define RESOURCES_MAX 100000
#define VERSION_INFO  1057
#define VERSION_LEN   17 /* without names */

/* First and last number of the resources that stay: how it is printed, its channels, lines, colours, slices, layers and paths. */
static const uint16_t staying[][2] = {
    {1005,  1007 },
    {1009,  1020 },
    {1022,  1026 },
    {1029,  1032 },
    {1037,  1039 },
    {1041,  1042 },
    {1044,  1047 },
    {1049,  1050 },
    {1053,  1053 },
    {1055,  1056 },
    {1062,  1062 },
    {1064,  1065 },
    {1067,  1067 },
    {1069,  1070 },
    {1072,  1072 },
    {1074,  1078 },
    {2000,  2999 },
    {3000,  3000 },
    {8000,  8000 },
    {10000, 10000},
};

static const struct {
    uint16_t id;
    const char *word;
} words[] = {
    {1008, "comments"}, /* a caption */
    {1028, "IPTC"    },
    {1033, "previews"},
    {1036, "previews"},
    {1058, "EXIF"    },
    {1059, "EXIF"    },
    {1060, "XMP"     },
};

static bool stays(uint32_t id)
{
    for (size_t i = 0; i < sizeof(staying) / sizeof(staying[0]); i++) {
        if (id >= staying[i][0] && id <= staying[i][1]) {
            return true;
        }
    }
    return false;
}

static const char *word_of(uint32_t id)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (id == words[i].id) {
            return words[i].word;
        }
    }
    return "data of programs";
}

/* Length of the resource at the start of s with its padding; 0 when it is not whole. */
static size_t resource_len(struct slice s)
{
    bool known = slice_starts(s, SLICE("8BIM")) || slice_starts(s, SLICE("MeSa")) ||
                 slice_starts(s, SLICE("AgHg")) || slice_starts(s, SLICE("PHUT")) ||
                 slice_starts(s, SLICE("DCSR"));
    size_t name = known && s.len > RESOURCE_HEAD ? (size_t)s.ptr[RESOURCE_HEAD] + 1 : 0;
    size_t at = RESOURCE_HEAD + name + (name & 1);

    if (name == 0 || s.len < at + 4) {
        return 0;
    }
    size_t data = scrub_number(s, at, 4, true);
    size_t left = s.len - at - 4;
    if (data > left) {
        return 0;
    }
    return at + 4 + data + (data & 1 && data < left ? 1 : 0); /* the last may have no padding */
}

static void add_number(struct buf *out, size_t value)
{
    for (size_t i = 4; i-- > 0;) {
        buf_add_byte(out, (uint8_t)(value >> 8 * i));
    }
}

/* Whether the picture as a whole is there, without which it is not shown, and no names of the programs that wrote and read it. */
static void take_version(struct slice resource, struct buf *out, struct buf *what)
{
    size_t name = (size_t)resource.ptr[RESOURCE_HEAD] + 1;
    size_t at = RESOURCE_HEAD + name + (name & 1);
    size_t len = scrub_number(resource, at, 4, true);
    struct slice data = slice_head(slice_from(resource, at + 4), len);
    size_t begin = out->len;

    if (data.len < VERSION_LEN) {
        scrub_say(what, "data of programs");
        return;
    }
    buf_add(out, SLICE("8BIM\4\x21\0\0"));
    add_number(out, VERSION_LEN);
    add_number(out, scrub_number(data, 0, 4, true));
    buf_add_byte(out, data.ptr[4] != 0);
    add_number(out, 0);
    add_number(out, 0);
    add_number(out, scrub_number(data, data.len - 4, 4, true));
    buf_add_byte(out, 0);
    if (!out->full && !slice_equal(slice_from(buf_slice(out), begin), resource)) {
        scrub_say(what, "data of programs");
    }
}

static bool take_resources(struct slice rest, struct buf *out, struct buf *what)
{
    for (size_t n = 0; rest.len; n++) {
        size_t len = resource_len(rest);
        uint32_t id = scrub_number(rest, 4, 2, true);
        if (len == 0 || n == RESOURCES_MAX) {
            return false;
        }
        if (id == VERSION_INFO && slice_starts(rest, SLICE("8BIM"))) {
            take_version(slice_head(rest, len), out, what);
        } else if (stays(id)) {
            buf_add(out, slice_head(rest, len));
        } else {
            scrub_say(what, word_of(id));
        }
        rest = slice_from(rest, len);
    }
    return true;
}

static bool holds(struct slice s, const char *part)
{
    return s.len && memmem(s.ptr, s.len, part, strlen(part)) != NULL;
}

/* Layers that are files of their own, or lead to one on somebody's disk, and notes with names: they are not gone through. */
static bool has_others(struct slice layers)
{
    static const char *const keys[] = {"8BIMlnkD", "8BIMlnk2", "8BIMlnk3", "8BIMlnkE", "8B64lnkD",
                                       "8B64lnk2", "8B64lnk3", "8B64lnkE", "8BIMAnno"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (holds(layers, keys[i])) {
            return true;
        }
    }
    return false;
}

/* Take a section with its length of `bytes` bytes off *rest; false when it is not whole. */
static bool next_section(struct slice *rest, size_t bytes, struct slice *body)
{
    uint64_t len = scrub_number(*rest, 0, 4, true);

    if (bytes == 8) {
        len = len << 32 | scrub_number(*rest, 4, 4, true);
    }
    if (rest->len < bytes || len > rest->len - bytes) {
        return false;
    }
    *body = slice_head(slice_from(*rest, bytes), (size_t)len);
    *rest = slice_from(*rest, bytes + (size_t)len);
    return true;
}

static void put_number(uint8_t *at, size_t value)
{
    for (size_t i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

enum scrub_end scrub_psd(struct slice bytes, struct buf *out, struct buf *what)
{
    struct slice rest = slice_from(bytes, HEAD);
    uint32_t version = scrub_number(bytes, VERSION, 2, true);
    struct slice colours;
    struct slice resources;
    struct slice layers;

    if (version < 1 || version > 2 || !next_section(&rest, 4, &colours) ||
        !next_section(&rest, 4, &resources)) {
        return SCRUB_CANNOT;
    }
    struct slice behind = rest;
    if (!next_section(&rest, version == 2 ? 8 : 4, &layers)) {
        return SCRUB_CANNOT;
    }
    if (has_others(layers)) {
        return scrub_refuse(what, "it holds other files or notes, which are not changed");
    }
    buf_add(out, slice_head(bytes, HEAD + 4 + colours.len + 4));
    size_t begin = out->len;
    if (!take_resources(resources, out, what) || out->full) {
        return SCRUB_CANNOT;
    }
    put_number(out->ptr + begin - 4, out->len - begin);
    buf_add(out, behind);
    return out->full ? SCRUB_CANNOT : what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}
