#include "formats/scrub/looks.h"

#include <ctype.h>
#include <string.h>

static bool has_sign(struct slice style)
{
    static const char *const signs[] = {":nth", ":first", ":last", ":only", ":empty",
                                        ":has", "+",      "~",     "[",     "@import"};

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (style.len && memmem(style.ptr, style.len, signs[i], strlen(signs[i]))) {
            return true;
        }
    }
    return false;
}

/* A typeface that stands within the style chooses nothing. */
bool looks_depend(struct slice style)
{
    static const char coding[] = ";base64,";

    for (;;) {
        const uint8_t *at =
            style.len ? memmem(style.ptr, style.len, coding, sizeof(coding) - 1) : NULL;
        size_t len = at ? (size_t)(at - style.ptr) : style.len;
        if (has_sign(slice_head(style, len))) {
            return true;
        }
        if (!at) {
            return false;
        }
        style = slice_from(style, len);
        style = slice_from(style, slice_find(style, ')'));
    }
}

static bool is_name(uint8_t c)
{
    return isalnum(c) || c == '-' || c == '_' || c == '.' || c == ':' || c >= 0x80;
}

size_t looks_references(struct slice drawing)
{
    size_t n = 0;

    for (size_t i = 0; i < drawing.len; i++) {
        n += drawing.ptr[i] == '#';
    }
    return n;
}

bool looks_refer(struct slice drawing, struct slice id)
{
    while (drawing.len && id.len) {
        const uint8_t *at = memchr(drawing.ptr, '#', drawing.len);
        if (!at) {
            return false;
        }
        drawing = slice_from(drawing, (size_t)(at - drawing.ptr) + 1);
        if (slice_starts(drawing, id) && (drawing.len == id.len || !is_name(drawing.ptr[id.len]))) {
            return true;
        }
    }
    return false;
}
