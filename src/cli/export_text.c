#include "cli/export_text.h"

#define REPLACEMENT "\xef\xbf\xbd"
#define THORN       "\xc3\xbe"
#define LINE_END    "\xc2\xae"

/* What spreadsheets take for the beginning of a formula, or strip until they find one. */
static bool begins_formula(struct slice value)
{
    return value.len && strchr("=+-@\t\r\n ", value.ptr[0]) != NULL && value.ptr[0] != '\0';
}

void export_csv(struct buf *out, struct slice value)
{
    buf_add_byte(out, '"');
    if (begins_formula(value)) {
        buf_add_byte(out, '\'');
    }
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        if (c == '"') {
            buf_add_byte(out, '"');
        }
        buf_add_byte(out, c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
    }
    buf_add_byte(out, '"');
}

void export_dat(struct buf *out, struct slice value, bool first)
{
    buf_add_text(out, first ? THORN : "\x14" THORN);
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        if (c == '\n') {
            buf_add_text(out, LINE_END);
        } else if (i + 1 < value.len && c == 0xc3 && value.ptr[i + 1] == 0xbe) {
            buf_add_text(out, "th"); /* a thorn would end the field */
            i++;
        } else if (c >= ' ') {
            buf_add_byte(out, c);
        }
    }
    buf_add_text(out, THORN);
}

static const char *entity(uint8_t c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\t':
        return "&#9;";
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    default:
        return c < ' ' ? REPLACEMENT : NULL;
    }
}

/* U+FFFE and U+FFFF are no characters of XML. */
static bool is_no_character(struct slice rest)
{
    return rest.len >= 3 && rest.ptr[0] == 0xef && rest.ptr[1] == 0xbf && rest.ptr[2] >= 0xbe;
}

void export_xml(struct buf *out, struct slice value)
{
    if (!slice_is_utf8(value)) {
        value = SLICE(REPLACEMENT);
    }
    for (size_t i = 0; i < value.len; i++) {
        const char *instead = entity(value.ptr[i]);
        if (instead) {
            buf_add_text(out, instead);
        } else if (is_no_character(slice_from(value, i))) {
            buf_add_text(out, REPLACEMENT);
            i += 2;
        } else {
            buf_add_byte(out, value.ptr[i]);
        }
    }
}

/* Whether a line is ">*From ". */
static bool looks_like_from(struct slice line)
{
    size_t at = 0;

    while (at < line.len && line.ptr[at] == '>') {
        at++;
    }
    return slice_starts(slice_from(line, at), SLICE("From "));
}

void export_mbox(struct buf *out, struct slice letter)
{
    while (letter.len) {
        struct slice line = slice_cut(letter, '\n', &letter);
        if (line.len && line.ptr[line.len - 1] == '\r') {
            line.len--;
        }
        if (looks_like_from(line)) {
            buf_add_byte(out, '>');
        }
        buf_add(out, line);
        buf_add_byte(out, '\n');
    }
    buf_add_byte(out, '\n');
}
