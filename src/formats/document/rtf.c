#include "formats/document/rtf.h"

#define GROUPS_MAX 512
#define FONTS_MAX  256
#define WORD_MAX   32
#define RUN_MAX    256 /* bytes of one code page converted together */

struct group {
    bool separates; /* a destination: its words are not those before and behind it */
    bool skipped;
    bool fonts; /* inside the table of fonts */
    uint16_t font;
    uint8_t fallback; /* characters that stand behind \u for those who cannot read it */
};

struct lexer {
    struct slice rest;
    rtf_convert *convert;
    struct buf *out;
    struct rtf_found *found;
    struct group stack[GROUPS_MAX];
    size_t depth;
    size_t too_deep; /* groups that are open beyond the stack */
    unsigned code_page;
    uint16_t pages[FONTS_MAX]; /* code page by font; 0: the document's */
    unsigned pass_over;        /* characters of a fallback that are still to come */
    bool star;                 /* "\*" was read: an unknown destination is passed over */
    uint32_t high;             /* first half of a pair of \u */
    uint8_t run[RUN_MAX];
    size_t run_len;
    unsigned run_page;
};

struct control {
    struct slice word;
    bool has_number;
    int32_t number;
};

static bool is_letter(uint8_t c)
{
    c = ascii_lower(c);
    return c >= 'a' && c <= 'z';
}

static struct group *top(struct lexer *x)
{
    return &x->stack[x->depth];
}

static void flush(struct lexer *x)
{
    if (x->run_len) {
        x->convert(x->run_page, slice_of(x->run, x->run_len), x->out);
        x->run_len = 0;
    }
}

static void add_byte(struct lexer *x, uint8_t byte)
{
    unsigned page = x->code_page;

    if (x->pass_over) {
        x->pass_over--;
        return;
    }
    if (top(x)->skipped || x->too_deep) {
        return;
    }
    if (top(x)->font < FONTS_MAX && x->pages[top(x)->font]) {
        page = x->pages[top(x)->font];
    }
    if (x->run_len == RUN_MAX || (x->run_len && x->run_page != page)) {
        flush(x);
    }
    x->run_page = page;
    x->run[x->run_len++] = byte;
}

static void add_code(struct lexer *x, uint32_t c)
{
    uint8_t bytes[4];
    size_t len = 0;

    if (top(x)->skipped || x->too_deep) {
        return;
    }
    flush(x);
    if (c < 0x80) {
        bytes[len++] = (uint8_t)c;
    } else if (c < 0x800) {
        bytes[len++] = (uint8_t)(0xc0 | c >> 6);
        bytes[len++] = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        bytes[len++] = (uint8_t)(0xe0 | c >> 12);
        bytes[len++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        bytes[len++] = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        bytes[len++] = (uint8_t)(0xf0 | c >> 18);
        bytes[len++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        bytes[len++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        bytes[len++] = (uint8_t)(0x80 | (c & 0x3f));
    }
    buf_add(x->out, slice_of(bytes, len));
}

/* ---- control words ---- */

/* Code page by the charset of a font (section "Font Table"). */
static uint16_t page_of_charset(int32_t charset)
{
    static const struct {
        uint8_t charset;
        uint16_t page;
    } rows[] = {
        {0,   1252 },
        {77,  10000},
        {128, 932  },
        {129, 949  },
        {134, 936  },
        {136, 950  },
        {161, 1253 },
        {162, 1254 },
        {163, 1258 },
        {177, 1255 },
        {178, 1256 },
        {186, 1257 },
        {204, 1251 },
        {222, 874  },
        {238, 1250 },
        {254, 437  },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].charset == charset) {
            return rows[i].page;
        }
    }
    return 0;
}

static bool is_one_of(struct slice word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(word, slice_text(words[i]))) {
            return true;
        }
    }
    return false;
}

/* Destinations without text. */
static const char *const skipped_words[] = {
    "colortbl", "stylesheet", "listtable", "listoverridetable",  "revtbl",    "rsidtbl",
    "pict",     "objdata",    "themedata", "colorschememapping", "datastore", "latentstyles",
    "filetbl",  "generator",  "xmlnstbl",  "listpicture",        "blipuid",   "fontemb",
};

/* Destinations with text that are marked with "\*". */
static const char *const starred_words[] = {
    "annotation",     "atnauthor", "atnid",    "fldinst",   "shpinst",   "shptxt",
    "shppict",        "bkmkstart", "footnote", "company",   "manager",   "category",
    "keywords",       "userprops", "propname", "staticval", "hlinkbase", "ftnsep",
    "nesttableprops", "sp",        "sn",       "sv",
};

static const char *const separating_words[] = {
    "par",       "line",     "tab",        "cell",    "row",      "sect",     "page",
    "column",    "nestcell", "nestrow",    "pard",    "emspace",  "enspace",  "qmspace",
    "footnote",  "header",   "footer",     "title",   "subject",  "author",   "keywords",
    "doccomm",   "operator", "annotation", "fldinst", "fldrslt",  "sn",       "sv",
    "staticval", "propname", "company",    "manager", "category", "softline",
};

static const struct {
    const char *word;
    uint16_t code;
} symbols[] = {
    {"emdash",    0x2014},
    {"endash",    0x2013},
    {"bullet",    0x2022},
    {"lquote",    0x2018},
    {"rquote",    0x2019},
    {"ldblquote", 0x201c},
    {"rdblquote", 0x201d},
};

static void on_unicode(struct lexer *x, int32_t number)
{
    uint32_t c = (uint32_t)(number < 0 ? number + 0x10000 : number);

    x->pass_over = top(x)->fallback;
    if (c >= 0xd800 && c <= 0xdbff) {
        x->high = c;
        return;
    }
    if (c >= 0xdc00 && c <= 0xdfff) {
        c = x->high ? 0x10000 + ((x->high - 0xd800) << 10) + (c - 0xdc00) : 0xfffd;
    }
    x->high = 0;
    add_code(x, c == 0 || c > 0x10ffff ? 0xfffd : c);
}

static void on_font(struct lexer *x, const struct control *c)
{
    uint16_t font = c->number >= 0 && c->number < FONTS_MAX ? (uint16_t)c->number : FONTS_MAX;

    flush(x);
    top(x)->font = font;
}

/* The character set of the whole. */
static bool on_code_page(struct lexer *x, const struct control *c)
{
    if (slice_equal(c->word, SLICE("ansicpg")) && c->number > 0) {
        x->code_page = (unsigned)c->number;
    } else if (slice_equal(c->word, SLICE("mac"))) {
        x->code_page = 10000;
    } else if (slice_equal(c->word, SLICE("pc"))) {
        x->code_page = 437;
    } else if (slice_equal(c->word, SLICE("pca"))) {
        x->code_page = 850;
    } else {
        return false;
    }
    return true;
}

/* Words about character sets. */
static bool on_charset(struct lexer *x, const struct control *c)
{
    if (slice_equal(c->word, SLICE("u"))) {
        on_unicode(x, c->number);
    } else if (slice_equal(c->word, SLICE("uc"))) {
        top(x)->fallback = c->number >= 0 && c->number < 256 ? (uint8_t)c->number : 1;
    } else if (slice_equal(c->word, SLICE("f"))) {
        on_font(x, c);
    } else if (slice_equal(c->word, SLICE("fcharset")) && top(x)->fonts) {
        if (top(x)->font < FONTS_MAX) {
            x->pages[top(x)->font] = page_of_charset(c->number);
        }
    } else {
        return on_code_page(x, c);
    }
    return true;
}

/* "\bin" is followed by that many bytes of anything. */
static bool on_binary(struct lexer *x, const struct control *c)
{
    if (!slice_equal(c->word, SLICE("bin"))) {
        return false;
    }
    size_t len = c->number > 0 ? (size_t)c->number : 0;
    x->rest = slice_from(x->rest, len < x->rest.len ? len : x->rest.len);
    return true;
}

#define IS_ONE_OF(word, words) is_one_of(word, words, sizeof(words) / sizeof((words)[0]))

static void on_word(struct lexer *x, const struct control *c)
{
    bool star = x->star;

    x->star = false;
    if (on_binary(x, c) || (!star && on_charset(x, c))) {
        return;
    }
    flush(x);
    x->found->objects = x->found->objects || slice_equal(c->word, SLICE("objdata"));
    if (slice_equal(c->word, SLICE("fonttbl"))) {
        top(x)->fonts = true;
        top(x)->skipped = true;
    } else if (IS_ONE_OF(c->word, skipped_words) || (star && !IS_ONE_OF(c->word, starred_words))) {
        top(x)->skipped = true;
    }
    if (IS_ONE_OF(c->word, separating_words)) {
        top(x)->separates = x->depth > 1;
        add_code(x, '\n');
    }
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        if (slice_equal(c->word, slice_text(symbols[i].word))) {
            add_code(x, symbols[i].code);
        }
    }
}

static struct control take_word(struct lexer *x)
{
    struct control c = {.number = 1};
    size_t len = 0;
    size_t at = 0;
    int64_t value = 0;

    while (len < x->rest.len && len < WORD_MAX && is_letter(x->rest.ptr[len])) {
        len++;
    }
    c.word = slice_head(x->rest, len);
    x->rest = slice_from(x->rest, len);
    bool minus = x->rest.len > 1 && x->rest.ptr[0] == '-';
    at = minus;
    while (at < x->rest.len && x->rest.ptr[at] >= '0' && x->rest.ptr[at] <= '9') {
        value = value < INT32_MAX ? value * 10 + (x->rest.ptr[at] - '0') : value;
        at++;
    }
    if (at > (size_t)minus) {
        value = value < INT32_MAX ? value : INT32_MAX;
        c.has_number = true;
        c.number = (int32_t)(minus ? -value : value);
        x->rest = slice_from(x->rest, at);
    }
    if (x->rest.len && x->rest.ptr[0] == ' ') {
        x->rest = slice_from(x->rest, 1);
    }
    return c;
}

static unsigned hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

static void on_symbol(struct lexer *x)
{
    uint8_t c = x->rest.ptr[0];

    x->rest = slice_from(x->rest, 1);
    switch (c) {
    case '\'':
        if (x->rest.len >= 2 && hex_value(x->rest.ptr[0]) < 16 && hex_value(x->rest.ptr[1]) < 16) {
            add_byte(x, (uint8_t)(hex_value(x->rest.ptr[0]) << 4 | hex_value(x->rest.ptr[1])));
            x->rest = slice_from(x->rest, 2);
        }
        break;
    case '*':
        x->star = true;
        break;
    case '~':
        add_byte(x, ' ');
        break;
    case '_':
        add_byte(x, '-');
        break;
    case '\r':
    case '\n':
        add_code(x, '\n');
        break;
    case '\\':
    case '{':
    case '}':
        add_byte(x, c);
        break;
    default: /* an optional hyphen and the like */
        break;
    }
}

static void open_group(struct lexer *x)
{
    flush(x);
    x->pass_over = 0;
    x->star = false;
    if (x->depth + 1 == GROUPS_MAX) {
        x->too_deep++;
        x->found->too_deep = true;
        return;
    }
    x->stack[x->depth + 1] = x->stack[x->depth];
    x->depth++;
    top(x)->separates = false;
}

static void close_group(struct lexer *x)
{
    flush(x);
    x->pass_over = 0;
    x->star = false;
    if (x->too_deep) {
        x->too_deep--;
    } else if (x->depth) {
        if (top(x)->separates) {
            add_code(x, '\n');
        }
        x->depth--;
    }
}

void text_from_rtf(struct slice rtf, rtf_convert *convert, struct buf *out, struct rtf_found *found)
{
    struct lexer x = {
        .rest = rtf, .convert = convert, .out = out, .found = found, .code_page = 1252};

    *found = (struct rtf_found){0};
    x.stack[0].fallback = 1;
    while (x.rest.len && !out->full) {
        uint8_t c = x.rest.ptr[0];
        x.rest = slice_from(x.rest, 1);
        if (c == '{') {
            open_group(&x);
        } else if (c == '}') {
            close_group(&x);
        } else if (c != '\\') {
            if (c != '\r' && c != '\n') {
                add_byte(&x, c);
            }
        } else if (x.rest.len && is_letter(x.rest.ptr[0])) {
            struct control word = take_word(&x);
            on_word(&x, &word);
        } else if (x.rest.len) {
            on_symbol(&x);
        }
    }
    flush(&x);
}
