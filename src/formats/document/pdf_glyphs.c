/* What glyphs are called and which codes they have in fonts that say no more (ISO 32000-1 annex D). */
#include "formats/document/internal.h"

/* "eacute": a letter and its mark. Search folds marks away, so they need not be composed. */
static const struct {
    const char *name;
    uint16_t mark;
} marks[] = {
    {"grave",        0x300},
    {"acute",        0x301},
    {"circumflex",   0x302},
    {"tilde",        0x303},
    {"macron",       0x304},
    {"breve",        0x306},
    {"dotaccent",    0x307},
    {"dieresis",     0x308},
    {"ring",         0x30a},
    {"hungarumlaut", 0x30b},
    {"caron",        0x30c},
    {"commaaccent",  0x326},
    {"cedilla",      0x327},
    {"ogonek",       0x328},
};

static const struct {
    const char *name;
    uint16_t c;
} names[] = {
    {"space",          ' '   },
    {"nbspace",        ' '   },
    {"zero",           '0'   },
    {"one",            '1'   },
    {"two",            '2'   },
    {"three",          '3'   },
    {"four",           '4'   },
    {"five",           '5'   },
    {"six",            '6'   },
    {"seven",          '7'   },
    {"eight",          '8'   },
    {"nine",           '9'   },
    {"period",         '.'   },
    {"comma",          ','   },
    {"colon",          ':'   },
    {"semicolon",      ';'   },
    {"hyphen",         '-'   },
    {"minus",          '-'   },
    {"sfthyphen",      0xad  },
    {"endash",         0x2013},
    {"emdash",         0x2014},
    {"underscore",     '_'   },
    {"at",             '@'   },
    {"ampersand",      '&'   },
    {"slash",          '/'   },
    {"fraction",       '/'   },
    {"backslash",      '\\'  },
    {"parenleft",      '('   },
    {"parenright",     ')'   },
    {"bracketleft",    '['   },
    {"bracketright",   ']'   },
    {"braceleft",      '{'   },
    {"braceright",     '}'   },
    {"less",           '<'   },
    {"greater",        '>'   },
    {"equal",          '='   },
    {"plus",           '+'   },
    {"asterisk",       '*'   },
    {"numbersign",     '#'   },
    {"dollar",         '$'   },
    {"percent",        '%'   },
    {"exclam",         '!'   },
    {"question",       '?'   },
    {"quotesingle",    '\''  },
    {"quotedbl",       '"'   },
    {"quoteleft",      0x2018},
    {"quoteright",     0x2019},
    {"quotedblleft",   0x201c},
    {"quotedblright",  0x201d},
    {"quotedblbase",   0x201e},
    {"quotesinglbase", 0x201a},
    {"guillemotleft",  0xab  },
    {"guillemotright", 0xbb  },
    {"guilsinglleft",  0x2039},
    {"guilsinglright", 0x203a},
    {"bullet",         0x2022},
    {"periodcentered", 0xb7  },
    {"ellipsis",       0x2026},
    {"bar",            '|'   },
    {"asciitilde",     '~'   },
    {"asciicircum",    '^'   },
    {"grave",          '`'   },
    {"degree",         0xb0  },
    {"section",        0xa7  },
    {"paragraph",      0xb6  },
    {"copyright",      0xa9  },
    {"registered",     0xae  },
    {"trademark",      0x2122},
    {"Euro",           0x20ac},
    {"sterling",       0xa3  },
    {"yen",            0xa5  },
    {"cent",           0xa2  },
    {"germandbls",     0xdf  },
    {"ae",             0xe6  },
    {"AE",             0xc6  },
    {"oe",             0x153 },
    {"OE",             0x152 },
    {"oslash",         0xf8  },
    {"Oslash",         0xd8  },
    {"lslash",         0x142 },
    {"Lslash",         0x141 },
    {"eth",            0xf0  },
    {"Eth",            0xd0  },
    {"thorn",          0xfe  },
    {"Thorn",          0xde  },
    {"dcroat",         0x111 },
    {"dotlessi",       0x131 },
    {"Idotaccent",     'I'   },
    {"ff",             0xfb00},
    {"fi",             0xfb01},
    {"fl",             0xfb02},
    {"ffi",            0xfb03},
    {"ffl",            0xfb04},
    {"alpha",          0x3b1 },
    {"beta",           0x3b2 },
    {"gamma",          0x3b3 },
    {"delta",          0x3b4 },
    {"mu",             0xb5  },
    {"pi",             0x3c0 },
};

static bool is_letter(uint8_t c)
{
    c = ascii_lower(c);
    return c >= 'a' && c <= 'z';
}

static bool hexadecimal(struct slice digits, uint32_t *value)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < digits.len; i++) {
        uint8_t c = digits.ptr[i];
        if (c >= '0' && c <= '9') {
            sum = sum * 16 + (uint32_t)(c - '0');
        } else if (c >= 'A' && c <= 'F') {
            sum = sum * 16 + (uint32_t)(c - 'A' + 10);
        } else {
            return false;
        }
    }
    *value = sum;
    return digits.len >= 4 && digits.len <= 6;
}

/* "uni0041", several characters "uni00410042", "u1F600". */
static bool by_number(struct slice name, struct buf *out)
{
    uint32_t c = 0;

    if (slice_starts(name, SLICE("uni")) && name.len > 3 && (name.len - 3) % 4 == 0) {
        for (size_t i = 3; i < name.len; i += 4) {
            if (!hexadecimal(slice_head(slice_from(name, i), 4), &c)) {
                return false;
            }
            pdf_add_utf8(out, c);
        }
        return true;
    }
    if (slice_starts(name, SLICE("u")) && hexadecimal(slice_from(name, 1), &c)) {
        pdf_add_utf8(out, c);
        return true;
    }
    return false;
}

static bool one_glyph(struct slice name, struct buf *out)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_equal(name, slice_text(names[i].name))) {
            pdf_add_utf8(out, names[i].c);
            return true;
        }
    }
    if (name.len == 0 || !is_letter(name.ptr[0])) {
        return false;
    }
    struct slice mark = slice_from(name, 1);
    if (mark.len == 0) {
        buf_add_byte(out, name.ptr[0]);
        return true;
    }
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (slice_equal(mark, slice_text(marks[i].name))) {
            buf_add_byte(out, name.ptr[0]);
            pdf_add_utf8(out, marks[i].mark);
            return true;
        }
    }
    return by_number(name, out);
}

/* A variant stands behind a dot, the parts of a ligature have an underscore between them. */
bool pdf_glyph(struct slice name, struct buf *out)
{
    struct slice none = SLICE_NONE;
    struct slice rest = slice_cut(name, '.', &none);
    bool known = rest.len > 0;

    while (rest.len) {
        struct slice part = slice_cut(rest, '_', &rest);
        known = one_glyph(part, out) && known;
    }
    return known;
}

/* ---- encodings ---- */

static const uint16_t win[32] = {
    0x20ac, 0x2022, 0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
    0x2039, 0x152,  0x2022, 0x17d,  0x2022, 0x2022, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x2022, 0x17e,  0x178,
};

static const uint16_t mac[128] = {
    0xc4,   0xc5,   0xc7,   0xc9,   0xd1,   0xd6,  0xdc,   0xe1,   0xe0,   0xe2,   0xe4,   0xe3,
    0xe5,   0xe7,   0xe9,   0xe8,   0xea,   0xeb,  0xed,   0xec,   0xee,   0xef,   0xf1,   0xf3,
    0xf2,   0xf4,   0xf6,   0xf5,   0xfa,   0xf9,  0xfb,   0xfc,   0x2020, 0xb0,   0xa2,   0xa3,
    0xa7,   0x2022, 0xb6,   0xdf,   0xae,   0xa9,  0x2122, 0xb4,   0xa8,   0x2260, 0xc6,   0xd8,
    0x221e, 0xb1,   0x2264, 0x2265, 0xa5,   0xb5,  0x2202, 0x2211, 0x220f, 0x3c0,  0x222b, 0xaa,
    0xba,   0x3a9,  0xe6,   0xf8,   0xbf,   0xa1,  0xac,   0x221a, 0x192,  0x2248, 0x2206, 0xab,
    0xbb,   0x2026, 0x20,   0xc0,   0xc3,   0xd5,  0x152,  0x153,  0x2013, 0x2014, 0x201c, 0x201d,
    0x2018, 0x2019, 0xf7,   0x25ca, 0xff,   0x178, 0x2044, 0x20ac, 0x2039, 0x203a, 0xfb01, 0xfb02,
    0x2021, 0xb7,   0x201a, 0x201e, 0x2030, 0xc2,  0xca,   0xc1,   0xcb,   0xc8,   0xcd,   0xce,
    0xcf,   0xcc,   0xd3,   0xd4,   0xf8ff, 0xd2,  0xda,   0xdb,   0xd9,   0x131,  0x2c6,  0x2dc,
    0xaf,   0x2d8,  0x2d9,  0x2da,  0xb8,   0x2dd, 0x2db,  0x2c7,
};

/* StandardEncoding above 0xa0, as far as it holds letters and what stands between them. */
static uint32_t standard(uint8_t code)
{
    static const struct {
        uint8_t code;
        uint16_t c;
    } rows[] = {
        {0xa4, '/'   },
        {0xa9, '\''  },
        {0xaa, 0x201c},
        {0xac, 0x2039},
        {0xad, 0x203a},
        {0xae, 0xfb01},
        {0xaf, 0xfb02},
        {0xb1, 0x2013},
        {0xb4, 0xb7  },
        {0xb7, 0x2022},
        {0xb8, 0x201a},
        {0xb9, 0x201e},
        {0xba, 0x201d},
        {0xbc, 0x2026},
        {0xd0, 0x2014},
        {0xe1, 0xc6  },
        {0xe8, 0x141 },
        {0xe9, 0xd8  },
        {0xea, 0x152 },
        {0xf1, 0xe6  },
        {0xf5, 0x131 },
        {0xf8, 0x142 },
        {0xf9, 0xf8  },
        {0xfa, 0x153 },
        {0xfb, 0xdf  },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].code == code) {
            return rows[i].c;
        }
    }
    return code;
}

/* Fonts of TeX without an encoding have ligatures at the beginning. */
static uint32_t below_space(uint8_t code)
{
    return code >= 0x0b && code <= 0x0f ? 0xfb00u + (code - 0x0bu) : 0; /* ff fi fl ffi ffl */
}

uint32_t pdf_encoded(enum pdf_encoding encoding, uint8_t code)
{
    if (code < 0x20) {
        return below_space(code);
    }
    if (code < 0x80) {
        return code;
    }
    switch (encoding) {
    case PDF_WIN:
        return code < 0xa0 ? win[code - 0x80] : code;
    case PDF_MAC:
        return mac[code - 0x80];
    case PDF_STANDARD:
        break;
    }
    return standard(code);
}
