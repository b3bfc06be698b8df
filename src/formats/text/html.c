#include "formats/text/html.h"

#define NAME_LEN       16 /* no reference that we know has a longer name */
#define REPLACEMENT    0xfffd
#define CODE_POINT_MAX 0x10ffff

static bool is_alpha(uint8_t c)
{
    c = ascii_lower(c);
    return c >= 'a' && c <= 'z';
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ---- character references ---- */

/* U+00A0 to U+00FF in order. */
static const char *const latin[] = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",
    "copy",   "ordf",   "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn",
    "sup2",   "sup3",   "acute",  "micro",  "para",   "middot", "cedil",  "sup1",   "ordm",
    "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc",  "Atilde",
    "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",   "Igrave",
    "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde",
    "Ouml",   "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",
    "szlig",  "agrave", "aacute", "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil",
    "egrave", "eacute", "ecirc",  "euml",   "igrave", "iacute", "icirc",  "iuml",   "eth",
    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide", "oslash", "ugrave",
    "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml",
};

static const struct {
    const char *name;
    uint16_t code;
} named[] = {
    {"amp",     '&'   },
    {"lt",      '<'   },
    {"gt",      '>'   },
    {"quot",    '"'   },
    {"apos",    '\''  },
    {"AMP",     '&'   },
    {"LT",      '<'   },
    {"GT",      '>'   },
    {"QUOT",    '"'   },
    {"commat",  '@'   },
    {"period",  '.'   },
    {"hyphen",  0x2010},
    {"dash",    0x2010},
    {"colon",   ':'   },
    {"sol",     '/'   },
    {"lowbar",  '_'   },
    {"plus",    '+'   },
    {"OElig",   0x152 },
    {"oelig",   0x153 },
    {"Scaron",  0x160 },
    {"scaron",  0x161 },
    {"Zcaron",  0x17d },
    {"zcaron",  0x17e },
    {"Ccaron",  0x10c },
    {"ccaron",  0x10d },
    {"Cacute",  0x106 },
    {"cacute",  0x107 },
    {"Lstrok",  0x141 },
    {"lstrok",  0x142 },
    {"Yuml",    0x178 },
    {"fnof",    0x192 },
    {"circ",    0x2c6 },
    {"tilde",   0x2dc },
    {"ensp",    0x2002},
    {"emsp",    0x2003},
    {"thinsp",  0x2009},
    {"zwnj",    0x200c},
    {"zwj",     0x200d},
    {"lrm",     0x200e},
    {"rlm",     0x200f},
    {"ndash",   0x2013},
    {"mdash",   0x2014},
    {"lsquo",   0x2018},
    {"rsquo",   0x2019},
    {"sbquo",   0x201a},
    {"ldquo",   0x201c},
    {"rdquo",   0x201d},
    {"bdquo",   0x201e},
    {"dagger",  0x2020},
    {"bull",    0x2022},
    {"hellip",  0x2026},
    {"permil",  0x2030},
    {"lsaquo",  0x2039},
    {"rsaquo",  0x203a},
    {"euro",    0x20ac},
    {"trade",   0x2122},
    {"larr",    0x2190},
    {"rarr",    0x2192},
    {"Tab",     '\t'  },
    {"NewLine", '\n'  },
    {"alpha",   0x3b1 },
    {"beta",    0x3b2 },
    {"gamma",   0x3b3 },
    {"delta",   0x3b4 },
    {"epsilon", 0x3b5 },
    {"lambda",  0x3bb },
    {"mu",      0x3bc },
    {"pi",      0x3c0 },
    {"sigma",   0x3c3 },
    {"omega",   0x3c9 },
    {"Alpha",   0x391 },
    {"Beta",    0x392 },
    {"Gamma",   0x393 },
    {"Delta",   0x394 },
    {"Sigma",   0x3a3 },
    {"Omega",   0x3a9 },
};

static uint32_t named_code(struct slice name)
{
    for (size_t i = 0; i < sizeof(latin) / sizeof(latin[0]); i++) {
        if (slice_equal(name, slice_text(latin[i]))) {
            return (uint32_t)(0xa0 + i);
        }
    }
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        if (slice_equal(name, slice_text(named[i].name))) {
            return named[i].code;
        }
    }
    return 0;
}

/* Windows-1252's 0x80 to 0x9f, which HTML gives to the references of these numbers. */
static const uint16_t windows[32] = {
    0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
    0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178,
};

static unsigned digit_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

/* "#233" or "#xE9" at the start of s: its length, or 0. */
static size_t numeric_code(struct slice s, uint32_t *code)
{
    bool hex = s.len > 1 && (s.ptr[1] | 0x20) == 'x';
    unsigned base = hex ? 16 : 10;
    size_t start = hex ? 2 : 1;
    size_t i = start;
    uint32_t value = 0;

    for (; i < s.len && digit_value(s.ptr[i]) < base; i++) {
        value = value > CODE_POINT_MAX ? value : value * base + digit_value(s.ptr[i]);
    }
    if (i == start) {
        return 0;
    }
    if (value >= 0x80 && value <= 0x9f) {
        value = windows[value - 0x80];
    }
    bool bad = value == 0 || value > CODE_POINT_MAX || (value >= 0xd800 && value <= 0xdfff);
    *code = bad ? REPLACEMENT : value;
    return i;
}

static void add_code(struct buf *out, uint32_t c)
{
    uint8_t bytes[4];
    size_t len = 0;

    if (c < 0x80) {
        bytes[len++] = (uint8_t)c;
    } else if (c < 0x800) {
        bytes[len++] = (uint8_t)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        bytes[len++] = (uint8_t)(0xe0 | c >> 12);
    } else {
        bytes[len++] = (uint8_t)(0xf0 | c >> 18);
    }
    for (size_t more = c < 0x80 ? 0 : (c < 0x800 ? 1 : (c < 0x10000 ? 2 : 3)); more > 0; more--) {
        bytes[len++] = (uint8_t)(0x80 | (c >> (6 * (more - 1)) & 0x3f));
    }
    buf_add(out, slice_of(bytes, len));
}

/* Read the reference at the start of s, which is "&", and append its character; what is no
 * reference is text. Returns what was consumed. */
static size_t take_reference(struct slice s, struct buf *out)
{
    struct slice rest = slice_from(s, 1);
    uint32_t code = 0;
    size_t len = 0;

    if (rest.len && rest.ptr[0] == '#') {
        len = numeric_code(rest, &code);
    } else {
        while (len < rest.len && len < NAME_LEN &&
               (is_alpha(rest.ptr[len]) || digit_value(rest.ptr[len]) < 10)) {
            len++;
        }
        code = named_code(slice_head(rest, len));
    }
    if (!code) {
        buf_add_byte(out, '&');
        return 1;
    }
    add_code(out, code);
    return 1 + len + (len < rest.len && rest.ptr[len] == ';');
}

/* ---- tags ---- */

/* Elements within a line: their tags do not separate words. */
static const char *const inline_names[] = {
    "a",    "abbr",   "acronym", "b",   "bdi", "bdo",  "big",  "cite", "code", "del",  "dfn",
    "em",   "font",   "i",       "ins", "kbd", "mark", "nobr", "q",    "s",    "samp", "small",
    "span", "strike", "strong",  "sub", "sup", "tt",   "u",    "var",  "wbr",
};

/* Elements whose content nobody reads. */
static const char *const dropped_names[] = {"script", "style", "template"};

static bool is_one_of(struct slice name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_nocase(name, slice_text(names[i]))) {
            return true;
        }
    }
    return false;
}

static struct slice tag_name(struct slice s)
{
    size_t len = 0;

    while (len < s.len && !is_space(s.ptr[len]) && s.ptr[len] != '/' && s.ptr[len] != '>') {
        len++;
    }
    return slice_head(s, len);
}

/* Length of a tag from its "<" to behind its ">"; a ">" in a quoted value does not end it. All of
 * s when nothing does. */
static size_t tag_len(struct slice s)
{
    uint8_t quote = 0;
    bool value = false; /* behind "=": a quote here opens a value */

    for (size_t i = 1; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (quote) {
            quote = c == quote ? 0 : quote;
        } else if (c == '>') {
            return i + 1;
        } else if (value && (c == '"' || c == '\'')) {
            quote = c;
        }
        value = !quote && (c == '=' || (value && is_space(c)));
    }
    return s.len;
}

/* Length of a comment (s starts with "<!--"), which ends with "-->", "--!>", or at once. */
static size_t comment_len(struct slice s)
{
    if (slice_starts(s, SLICE("<!-->"))) {
        return 5;
    }
    for (size_t i = 4; i < s.len; i++) {
        struct slice at = slice_from(s, i);
        if (slice_starts(at, SLICE("-->"))) {
            return i + 3;
        }
        if (slice_starts(at, SLICE("--!>"))) {
            return i + 4;
        }
    }
    return s.len;
}

/* How much of s stands before "</name". */
static size_t dropped_len(struct slice s, struct slice name)
{
    for (size_t i = 0; i < s.len;) {
        i += slice_find(slice_from(s, i), '<');
        struct slice at = slice_from(s, i);
        if (slice_starts(at, SLICE("</")) &&
            slice_equal_nocase(tag_name(slice_from(at, 2)), name)) {
            return i;
        }
        i++;
    }
    return s.len;
}

/* Consume what "<" at the start of s begins. */
static size_t take_markup(struct slice s, struct buf *out)
{
    bool closes = s.len > 1 && s.ptr[1] == '/';
    struct slice rest = slice_from(s, closes ? 2 : 1);

    if (slice_starts(s, SLICE("<!--"))) {
        return comment_len(s);
    }
    if (rest.len && (rest.ptr[0] == '!' || rest.ptr[0] == '?')) {
        size_t end = slice_find(s, '>');
        return end < s.len ? end + 1 : s.len;
    }
    if (rest.len == 0 || !is_alpha(rest.ptr[0])) {
        buf_add_byte(out, '<');
        return 1;
    }
    struct slice name = tag_name(rest);
    size_t len = tag_len(s);
    if (!is_one_of(name, inline_names, sizeof(inline_names) / sizeof(inline_names[0]))) {
        buf_add_byte(out, '\n');
    }
    if (!closes &&
        is_one_of(name, dropped_names, sizeof(dropped_names) / sizeof(dropped_names[0]))) {
        len += dropped_len(slice_from(s, len), name);
    }
    return len;
}

void text_from_html(struct slice html, struct buf *out)
{
    while (html.len && !out->full) {
        size_t plain = 0;
        while (plain < html.len && html.ptr[plain] != '<' && html.ptr[plain] != '&') {
            plain++;
        }
        size_t room = out->max - out->len;
        buf_add(out, slice_head(html, plain < room ? plain : room));
        out->full = plain > room;
        html = slice_from(html, plain);
        if (html.len && !out->full) {
            html = slice_from(html, html.ptr[0] == '<' ? take_markup(html, out)
                                                       : take_reference(html, out));
        }
    }
}

void text_decode_references(struct slice html, struct buf *out)
{
    while (html.len && !out->full) {
        size_t plain = slice_find(html, '&');
        size_t room = out->max - out->len;
        buf_add(out, slice_head(html, plain < room ? plain : room));
        out->full = plain > room;
        html = slice_from(html, plain);
        if (html.len && !out->full) {
            html = slice_from(html, take_reference(html, out));
        }
    }
}
