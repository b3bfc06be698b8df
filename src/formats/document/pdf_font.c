/* From the codes of a shown string to characters and widths. A font's ToUnicode says it best; without
 * one a simple font's encoding does, by the names of its glyphs; what is then left has no text. */
#include <stdlib.h>

#include "base/arena.h"

#include "formats/document/internal.h"

#define UNITS_MAX      8 /* of UTF-16 that one code stands for */
#define WIDTH_SIMPLE   500
#define WIDTH_CID      1000
#define GLYPH_TEXT_MAX 16

/* Codes low..high stand for `units`, of which the last one counts up. */
struct range {
    uint32_t low;
    uint32_t high;
    uint16_t units[UNITS_MAX];
    uint8_t n_units;
};

struct width {
    uint32_t low;
    uint32_t high;
    double width;
};

struct pdf_font {
    const uint8_t *key; /* where its dictionary stands */
    struct range *ranges;
    size_t n_ranges;
    size_t room_ranges;
    struct width *widths; /* of a composite font */
    size_t n_widths;
    size_t room_widths;
    double default_width;
    double scale;   /* of its widths, to thousandths: Type 3 has units of its own */
    bool composite; /* two bytes a code */
    bool utf16;     /* its codes are UTF-16 themselves */
    uint8_t (*names)[GLYPH_TEXT_MAX]; /* of a simple font: a code's text, the length in front */
    double *simple_widths;
};

void pdf_fonts_done(struct pdf_fonts *fonts)
{
    for (size_t i = 0; i < fonts->count; i++) {
        free(fonts->list[i].ranges);
        free(fonts->list[i].widths);
        free(fonts->list[i].names);
        free(fonts->list[i].simple_widths);
    }
    free(fonts->list);
    fonts->list = NULL;
    fonts->count = 0;
}

/* Room for one more of what lies in an array. */
static void *grown(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room) {
        return list;
    }
    *room = *room ? 2 * *room : 64;
    list = reallocarray(list, *room, size);
    if (!list) {
        arena_panic("out of memory");
    }
    return list;
}

/* ---- ToUnicode (section 9.10.3) ---- */

static uint32_t code_of(const struct pdf_token *t)
{
    OWN(buf) struct buf bytes = {.max = 64};
    uint32_t code = 0;

    pdf_string(t, &bytes);
    for (size_t i = 0; i < bytes.len && i < 4; i++) {
        code = code << 8 | bytes.ptr[i];
    }
    return code;
}

static void add_range(struct pdf_fonts *fonts, struct pdf_font *font, uint32_t low, uint32_t high,
                      const struct pdf_token *to)
{
    OWN(buf) struct buf bytes = {.max = 1024};
    struct range range = {.low = low, .high = high};

    if (fonts->ranges == PDF_RANGES_MAX) {
        fonts->objects->found->stopped = true;
        return;
    }
    pdf_string(to, &bytes);
    if (bytes.len == 1) { /* not as it should be, and common */
        range.units[range.n_units++] = bytes.ptr[0];
    }
    for (size_t i = 0; i + 1 < bytes.len && range.n_units < UNITS_MAX; i += 2) {
        range.units[range.n_units++] = (uint16_t)(bytes.ptr[i] << 8 | bytes.ptr[i + 1]);
    }
    font->ranges = grown(font->ranges, font->n_ranges, &font->room_ranges, sizeof(*font->ranges));
    /* -fanalyzer: it loses sight of what the font owns */
    font->ranges[font->n_ranges++] = range;
    fonts->ranges++;
}

static bool is_string(const struct pdf_token *t)
{
    return t->kind == PDF_HEX || t->kind == PDF_STRING;
}

static void read_chars(struct pdf_fonts *fonts, struct pdf_font *font, struct slice *rest)
{
    struct pdf_token from;
    struct pdf_token to;

    while (pdf_next(rest, &from) && is_string(&from) && pdf_next(rest, &to)) {
        uint32_t code = code_of(&from);
        if (is_string(&to)) {
            add_range(fonts, font, code, code, &to);
        }
    }
}

static void read_range(struct pdf_fonts *fonts, struct pdf_font *font, uint32_t low, uint32_t high,
                       struct slice *rest)
{
    struct pdf_token to;

    if (!pdf_next(rest, &to)) {
        return;
    }
    if (to.kind != PDF_ARRAY_OPEN) {
        add_range(fonts, font, low, high, &to);
        return;
    }
    while (pdf_next(rest, &to) && is_string(&to)) {
        if (low <= high) {
            add_range(fonts, font, low, low, &to);
            low++;
        }
    }
}

static void read_ranges(struct pdf_fonts *fonts, struct pdf_font *font, struct slice *rest)
{
    struct pdf_token low;
    struct pdf_token high;

    while (pdf_next(rest, &low) && is_string(&low) && pdf_next(rest, &high) && is_string(&high)) {
        read_range(fonts, font, code_of(&low), code_of(&high), rest);
    }
}

static int by_low(const void *a, const void *b)
{
    const struct range *left = a;
    const struct range *right = b;

    return (left->low > right->low) - (left->low < right->low);
}

static void read_map(struct pdf_fonts *fonts, struct pdf_font *font, struct slice map)
{
    struct pdf_token t;
    size_t before = map.len;

    while (pdf_next(&map, &t) && pdf_work(fonts->objects, before - map.len)) {
        before = map.len;
        if (t.kind == PDF_WORD && slice_equal(t.text, SLICE("beginbfchar"))) {
            read_chars(fonts, font, &map);
        } else if (t.kind == PDF_WORD && slice_equal(t.text, SLICE("beginbfrange"))) {
            read_ranges(fonts, font, &map);
        }
    }
    if (font->n_ranges) {
        qsort(font->ranges, font->n_ranges, sizeof(*font->ranges), by_low);
    }
}

static void read_to_unicode(struct pdf_fonts *fonts, struct pdf_font *font, struct slice dict)
{
    OWN(buf) struct buf map = {.max = 4u << 20};
    const struct pdf_object *stream = pdf_follow(fonts->objects, pdf_get(dict, "ToUnicode"));

    if (stream && stream->stream.ptr) {
        if (!pdf_unpack(fonts->objects, stream, &map)) {
            fonts->objects->found->damaged = true;
        }
        read_map(fonts, font, buf_slice(&map));
    }
}

/* ---- simple fonts ---- */

static void name_code(struct pdf_font *font, uint8_t code, struct slice text)
{
    struct slice cut = slice_head(text, GLYPH_TEXT_MAX - 1);

    font->names[code][0] = (uint8_t)cut.len;
    if (cut.len) {
        (void)memcpy(font->names[code] + 1, cut.ptr, cut.len);
    }
}

static enum pdf_encoding base_of(const struct pdf_objects *o, struct slice encoding)
{
    struct slice base =
        slice_starts(encoding, SLICE("<<")) ? pdf_look(o, encoding, "BaseEncoding") : encoding;

    if (pdf_is_name(base, "MacRomanEncoding")) {
        return PDF_MAC;
    }
    return pdf_is_name(base, "WinAnsiEncoding") ? PDF_WIN : PDF_STANDARD;
}

/* [ 39 /quotesingle 96 /grave ... ]: names for the codes from a number on. */
static void read_differences(struct pdf_font *font, struct slice differences)
{
    struct slice rest = pdf_elements(differences);
    struct pdf_token t;
    size_t code = 0;

    while (pdf_next(&rest, &t) && t.kind != PDF_ARRAY_CLOSE) {
        if (t.kind == PDF_NUMBER) {
            code = pdf_size(t.text, 256);
        } else if (t.kind == PDF_NAME && code < 256) {
            OWN(buf) struct buf text = {.max = 256};
            (void)pdf_glyph(t.text, &text);
            name_code(font, (uint8_t)code++, buf_slice(&text));
        }
    }
}

static void read_encoding(struct pdf_fonts *fonts, struct pdf_font *font, struct slice dict)
{
    const struct pdf_objects *o = fonts->objects;
    struct slice encoding = pdf_look(o, dict, "Encoding");
    enum pdf_encoding base = base_of(o, encoding);

    font->names = calloc(256, sizeof(*font->names));
    if (!font->names) { /* -fanalyzer: it loses sight of what the font owns */
        arena_panic("out of memory");
    }
    for (unsigned code = 0; code < 256; code++) {
        OWN(buf) struct buf text = {.max = 8};
        pdf_add_utf8(&text, pdf_encoded(base, (uint8_t)code));
        name_code(font, (uint8_t)code, buf_slice(&text));
    }
    read_differences(font, pdf_look(o, encoding, "Differences"));
}

static void read_simple_widths(struct pdf_fonts *fonts, struct pdf_font *font, struct slice dict)
{
    const struct pdf_objects *o = fonts->objects;
    struct slice rest = pdf_elements(pdf_look(o, dict, "Widths"));
    size_t code = pdf_size(pdf_look(o, dict, "FirstChar"), 256);
    struct slice matrix = pdf_elements(pdf_look(o, dict, "FontMatrix"));

    font->default_width = WIDTH_SIMPLE;
    font->scale = matrix.len ? pdf_number(pdf_take(&matrix), 0.001) * 1000 : 1;
    font->simple_widths = calloc(256, sizeof(*font->simple_widths));
    if (!font->simple_widths) { /* -fanalyzer: it loses sight of what the font owns */
        arena_panic("out of memory");
    }
    for (size_t i = 0; i < 256; i++) {
        font->simple_widths[i] = -1;
    }
    while (rest.len && code < 256) {
        struct slice value = pdf_take(&rest);
        if (value.len == 0 || slice_starts(value, SLICE("]"))) {
            break;
        }
        font->simple_widths[code++] = pdf_number(pdf_resolve(o, value), -1);
    }
}

/* ---- composite fonts ---- */

static void add_width(struct pdf_font *font, size_t low, size_t high, double width)
{
    if (font->n_widths < 65536) {
        font->widths =
            grown(font->widths, font->n_widths, &font->room_widths, sizeof(*font->widths));
        /* -fanalyzer: it loses sight of what the font owns */
        font->widths[font->n_widths++] = (struct width){(uint32_t)low, (uint32_t)high, width};
    }
}

static int by_low_width(const void *a, const void *b)
{
    const struct width *left = a;
    const struct width *right = b;

    return (left->low > right->low) - (left->low < right->low);
}

/* "10 [ 500 600 ]" gives widths from a code on, "10 20 500" one to all between (section 9.7.4.3). */
static void read_widths(struct pdf_fonts *fonts, struct pdf_font *font, struct slice descendant)
{
    const struct pdf_objects *o = fonts->objects;
    struct slice rest = pdf_elements(pdf_look(o, descendant, "W"));

    font->default_width = pdf_number(pdf_look(o, descendant, "DW"), WIDTH_CID);
    font->scale = 1;
    while (rest.len && pdf_work(fonts->objects, 8)) {
        struct slice first = pdf_take(&rest);
        struct slice second = pdf_resolve(o, pdf_take(&rest));
        struct slice list = pdf_elements(second);
        size_t low = pdf_size(first, UINT16_MAX);
        if (second.len == 0) {
            break;
        }
        if (!slice_starts(second, SLICE("["))) {
            add_width(font, low, pdf_size(second, UINT16_MAX), pdf_number(pdf_take(&rest), 0));
            continue;
        }
        struct slice one = pdf_take(&list);
        while (one.len && !slice_starts(one, SLICE("]"))) {
            add_width(font, low, low, pdf_number(one, 0));
            low++;
            one = pdf_take(&list);
        }
    }
    if (font->n_widths) {
        qsort(font->widths, font->n_widths, sizeof(*font->widths), by_low_width);
    }
}

static void read_composite(struct pdf_fonts *fonts, struct pdf_font *font, struct slice dict)
{
    const struct pdf_objects *o = fonts->objects;
    struct slice encoding = pdf_look(o, dict, "Encoding");
    struct slice descendants = pdf_elements(pdf_look(o, dict, "DescendantFonts"));
    struct pdf_token t;

    font->composite = true;
    font->utf16 =
        pdf_next(&encoding, &t) && t.kind == PDF_NAME && slice_starts(t.text, SLICE("Uni")) &&
        (memmem(t.text.ptr, t.text.len, "UCS2", 4) || memmem(t.text.ptr, t.text.len, "UTF16", 5));
    read_widths(fonts, font, pdf_resolve(o, pdf_take(&descendants)));
}

struct pdf_font *pdf_font_get(struct pdf_fonts *fonts, struct slice object)
{
    struct slice dict = pdf_resolve(fonts->objects, object);

    for (size_t i = 0; i < fonts->count; i++) {
        if (fonts->list[i].key == dict.ptr) {
            return &fonts->list[i];
        }
    }
    if (fonts->count == PDF_FONTS_MAX || dict.len == 0) {
        fonts->objects->found->stopped = fonts->objects->found->stopped || dict.len;
        return NULL;
    }
    if (!fonts->list) {
        fonts->list = calloc(PDF_FONTS_MAX, sizeof(*fonts->list));
    }
    if (!fonts->list) {
        arena_panic("out of memory");
    }
    struct pdf_font *font = &fonts->list[fonts->count++];
    font->key = dict.ptr;
    read_to_unicode(fonts, font, dict);
    if (pdf_is_name(pdf_look(fonts->objects, dict, "Subtype"), "Type0")) {
        read_composite(fonts, font, dict);
    } else {
        read_encoding(fonts, font, dict);
        read_simple_widths(fonts, font, dict);
    }
    return font;
}

/* ---- showing ---- */

/* The range that has the code: of those that overlap, one that begins last. */
static const struct range *range_of(const struct pdf_font *font, uint32_t code)
{
    size_t low = 0;
    size_t high = font->n_ranges;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (font->ranges[middle].low <= code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low && font->ranges[low - 1].high >= code ? &font->ranges[low - 1] : NULL;
}

static void add_units(const struct range *range, uint32_t code, struct buf *text)
{
    uint8_t bytes[2 * UNITS_MAX];

    for (size_t i = 0; i < range->n_units; i++) {
        uint32_t unit = range->units[i];
        unit += i + 1U == range->n_units ? code - range->low : 0;
        bytes[2 * i] = (uint8_t)(unit >> 8);
        bytes[2 * i + 1] = (uint8_t)unit;
    }
    pdf_add_utf16(text, slice_of(bytes, 2U * range->n_units), true);
}

static double width_of(const struct pdf_font *font, uint32_t code)
{
    size_t low = 0;
    size_t high = font->n_widths;

    if (!font->composite) {
        double width = font->simple_widths[code & 255];
        return width < 0 ? font->default_width : width * font->scale;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (font->widths[middle].low <= code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low && font->widths[low - 1].high >= code ? font->widths[low - 1].width
                                                     : font->default_width;
}

bool pdf_font_show(struct pdf_fonts *fonts, struct pdf_font *font, struct slice *codes,
                   struct buf *text, struct pdf_shown *shown)
{
    size_t len = font->composite ? 2 : 1;

    if (codes->len < len) {
        return false;
    }
    uint32_t code = codes->ptr[0];
    code = font->composite ? code << 8 | codes->ptr[1] : code;
    struct slice bytes = slice_head(*codes, len);
    *codes = slice_from(*codes, len);
    const struct range *range = range_of(font, code);
    if (range) {
        add_units(range, code, text);
    } else if (font->utf16) {
        pdf_add_utf16(text, bytes, true);
    } else if (!font->composite && font->names[code][0]) {
        buf_add(text, slice_of(font->names[code] + 1, font->names[code][0]));
    } else {
        fonts->objects->found->unmapped++;
    }
    *shown = (struct pdf_shown){width_of(font, code), !font->composite && code == ' '};
    return true;
}
