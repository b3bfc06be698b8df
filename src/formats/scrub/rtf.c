/* Rich Text Format 1.9.1, read as it is written: groups, control words, text. Groups that say who wrote it go, and so do comments; tracked changes
 * are accepted; pictures are cleaned. All else stays byte for byte. */
#include "formats/scrub/internal.h"

#define GROUPS_MAX 512
#define WORD_MAX   32
#define SLACK      64 /* bytes that a cleaned picture may be longer */

/* What becomes of what a control word begins. */
enum act {
    NOTHING,
    GROUP,   /* the group goes that it is the first word of */
    WORD,    /* the word goes */
    DELETED, /* the group goes, since its text was deleted */
    CLOSED,  /* it cannot be in a group that was deleted */
    PICTURE, /* the text of the group is a picture */
};

static const struct rule {
    const char *word;
    enum act act;
    const char *said;
} rules[] = {
    {"info",        GROUP,   "document properties"},
    {"userprops",   GROUP,   "document properties"},
    {"docvar",      GROUP,   "document properties"},
    {"datastore",   GROUP,   "document properties"},
    {"author",      GROUP,   "document properties"},
    {"operator",    GROUP,   "document properties"},
    {"manager",     GROUP,   "document properties"},
    {"company",     GROUP,   "document properties"},
    {"generator",   GROUP,   "data of programs"   },
    {"template",    GROUP,   "a template's place" },
    {"revtbl",      GROUP,   "names of users"     },
    {"protusertbl", GROUP,   "names of users"     },
    {"rsidtbl",     GROUP,   "revision marks"     },
    {"annotation",  GROUP,   "comments"           },
    {"atnid",       GROUP,   "comments"           },
    {"atnauthor",   GROUP,   "comments"           },
    {"atntime",     GROUP,   "comments"           },
    {"atndate",     GROUP,   "comments"           },
    {"atnref",      GROUP,   "comments"           },
    {"atnicn",      GROUP,   "comments"           },
    {"atnparent",   GROUP,   "comments"           },
    {"atrfstart",   GROUP,   "comments"           },
    {"atrfend",     GROUP,   "comments"           },
    {"oldcprops",   GROUP,   "tracked changes"    },
    {"oldpprops",   GROUP,   "tracked changes"    },
    {"oldtprops",   GROUP,   "tracked changes"    },
    {"oldsprops",   GROUP,   "tracked changes"    },
    {"revised",     WORD,    "tracked changes"    },
    {"revauth",     WORD,    "tracked changes"    },
    {"revdttm",     WORD,    "tracked changes"    },
    {"crauth",      WORD,    "tracked changes"    },
    {"crdate",      WORD,    "tracked changes"    },
    {"mvt",         WORD,    "tracked changes"    },
    {"mvauth",      WORD,    "tracked changes"    },
    {"mvdate",      WORD,    "tracked changes"    },
    {"revisions",   WORD,    "tracked changes"    },
    {"revauthdel",  WORD,    "tracked changes"    },
    {"revdttmdel",  WORD,    "tracked changes"    },
    {"insrsid",     WORD,    "revision marks"     },
    {"delrsid",     WORD,    "revision marks"     },
    {"charrsid",    WORD,    "revision marks"     },
    {"pararsid",    WORD,    "revision marks"     },
    {"sectrsid",    WORD,    "revision marks"     },
    {"tblrsid",     WORD,    "revision marks"     },
    {"styrsid",     WORD,    "revision marks"     },
    {"deleted",     DELETED, "tracked changes"    },
    {"mvf",         DELETED, "tracked changes"    },
    {"cell",        CLOSED,  NULL                 },
    {"nestcell",    CLOSED,  NULL                 },
    {"row",         CLOSED,  NULL                 },
    {"nestrow",     CLOSED,  NULL                 },
    {"sect",        CLOSED,  NULL                 },
    {"jpegblip",    PICTURE, NULL                 },
    {"pngblip",     PICTURE, NULL                 },
};

struct group {
    size_t begins; /* in out */
    bool open;     /* a control word ended before it, and nothing marked its end */
    bool words;    /* something stands in it that a word may be the first of */
    bool text;
    bool picture;
};

struct rtf {
    struct slice rest;
    struct buf *out;
    struct buf *what;
    struct buf coded; /* the text of a picture */
    struct group groups[GROUPS_MAX];
    size_t depth;
    size_t skipping; /* groups that are open within one that goes, and this */
    bool deleted;    /* which goes because its text was deleted */
    bool open;       /* a control word ends where out does, and nothing marks its end */
    bool gap;        /* something went behind it */
    const char *why;
};

struct control {
    struct slice raw; /* with the blank that ends it */
    struct slice word;
    struct slice number;
    bool blank;
};

static bool refuse(struct rtf *r, const char *why)
{
    r->why = r->why ? r->why : why;
    return false;
}

static bool is_letter(uint8_t c)
{
    c = ascii_lower(c);
    return c >= 'a' && c <= 'z';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static struct group *top(struct rtf *r)
{
    return &r->groups[r->depth - 1];
}

/* ---- what is written ---- */

/* Append text. What went may have stood between it and a control word, which would take it for its own. */
static void add_text(struct rtf *r, struct slice text)
{
    if (r->open && r->gap && text.len &&
        (is_letter(text.ptr[0]) || is_digit(text.ptr[0]) || text.ptr[0] == '-' ||
         text.ptr[0] == ' ')) {
        buf_add_byte(r->out, ' ');
    }
    buf_add(r->out, text);
    r->open = r->open && text.len == 0;
    r->gap = false;
}

static void add_hex(struct buf *out, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.len; i++) {
        if (i % 64 == 0) {
            buf_add_byte(out, '\n');
        }
        buf_add_byte(out, (uint8_t)digits[bytes.ptr[i] >> 4]);
        buf_add_byte(out, (uint8_t)digits[bytes.ptr[i] & 15]);
    }
}

static int hex_value(uint8_t c)
{
    c = ascii_lower(c);
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two digits each, blanks anywhere; false when it is something else. */
static bool read_hex(struct slice text, struct buf *out)
{
    int high = -1;

    for (size_t i = 0; i < text.len; i++) {
        int value = hex_value(text.ptr[i]);
        if (value < 0) {
            if (!strchr(" \t\r\n", text.ptr[i])) {
                return false;
            }
        } else if (high < 0) {
            high = value;
        } else {
            buf_add_byte(out, (uint8_t)(high << 4 | value));
            high = -1;
        }
    }
    return high < 0 && !out->full;
}

/* A picture's bytes, cleaned; NOTHING: they stay. False when they may say something and cannot be changed. */
static bool clean(struct rtf *r, struct slice bytes, struct buf *cleaned, enum scrub_end *end)
{
    OWN(buf) struct buf words = {.max = 300};

    *end = scrub_picture(bytes, cleaned, &words);
    if (*end == SCRUB_CLEANED) {
        scrub_say(r->what, "data of pictures");
    }
    return *end != SCRUB_CANNOT || refuse(r, SCRUB_PICTURE);
}

/* Write the picture whose text was read. */
static bool flush(struct rtf *r)
{
    struct slice coded = buf_slice(&r->coded);
    OWN(buf) struct buf bytes = {.max = coded.len + 1};
    OWN(buf) struct buf cleaned = {.max = coded.len + SLACK};
    enum scrub_end end = SCRUB_NOTHING;

    if (coded.len == 0) {
        return true;
    }
    if (r->coded.full || !read_hex(coded, &bytes)) {
        return refuse(r, SCRUB_PICTURE);
    }
    if (bytes.len && !clean(r, buf_slice(&bytes), &cleaned, &end)) {
        return false;
    }
    if (end == SCRUB_CLEANED) {
        add_hex(r->out, buf_slice(&cleaned));
        r->open = r->gap = false;
    } else {
        add_text(r, coded);
    }
    buf_reset(&r->coded);
    return true;
}

/* ---- what is read ---- */

static bool open_group(struct rtf *r)
{
    if (r->skipping) {
        r->skipping++;
        return true;
    }
    if (r->depth == GROUPS_MAX || !flush(r)) {
        return false;
    }
    r->groups[r->depth++] = (struct group){.begins = r->out->len, .open = r->open};
    add_text(r, SLICE("{"));
    return true;
}

static bool close_group(struct rtf *r)
{
    if (r->skipping) {
        r->skipping--;
        if (r->skipping == 0) {
            r->depth--;
        }
        return true;
    }
    if (r->depth == 0 || !flush(r)) {
        return false;
    }
    r->depth--;
    add_text(r, SLICE("}"));
    return true;
}

/* The group that is open goes. */
static void skip_group(struct rtf *r, bool deleted)
{
    r->out->len = top(r)->begins;
    buf_reset(&r->coded);
    r->skipping = 1;
    r->deleted = deleted;
    r->gap = true;
    r->open = top(r)->open;
}

static struct control read_control(struct slice s)
{
    struct control c = {.blank = false};
    size_t at = 1;

    while (at < s.len && is_letter(s.ptr[at])) {
        at++;
    }
    c.word = slice_head(slice_from(s, 1), at - 1);
    size_t digits = at + (at + 1 < s.len && s.ptr[at] == '-' && is_digit(s.ptr[at + 1]));
    size_t end = digits;
    while (end < s.len && is_digit(s.ptr[end])) {
        end++;
    }
    end = end == digits ? at : end;
    c.number = slice_head(slice_from(s, at), end - at);
    c.blank = end < s.len && s.ptr[end] == ' ';
    c.raw = slice_head(s, end + c.blank);
    return c;
}

static const struct rule *rule_of(struct slice word)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (slice_equal(word, slice_text(rules[i].word))) {
            return &rules[i];
        }
    }
    return NULL;
}

static void add_word(struct rtf *r, const struct control *c)
{
    buf_add(r->out, c->raw);
    r->open = !c->blank;
    r->gap = false;
    top(r)->words = true;
}

/* Bytes that are no text, behind \bin and their number. */
static bool take_binary(struct rtf *r, const struct control *c)
{
    OWN(buf) struct buf cleaned = {.max = r->rest.len + SLACK};
    enum scrub_end end = SCRUB_NOTHING;
    uint64_t len = 0;

    if (!slice_decimal(c->number, r->rest.len, &len)) {
        return false;
    }
    struct slice bytes = slice_head(r->rest, (size_t)len);
    r->rest = slice_from(r->rest, (size_t)len);
    if (r->skipping) {
        return true;
    }
    if (top(r)->picture && len && !clean(r, bytes, &cleaned, &end)) {
        return false;
    }
    if (end == SCRUB_CLEANED) {
        bytes = buf_slice(&cleaned);
    }
    buf_printf(r->out, "\\bin%zu ", bytes.len);
    buf_add(r->out, bytes);
    r->open = r->gap = false;
    return true;
}

/* Text that was deleted: its group goes, if nothing else stands in it before. */
static bool take_deleted(struct rtf *r, const struct control *c, const struct rule *rule)
{
    if (slice_equal(c->number, SLICE("0"))) {
        add_word(r, c);
        return true;
    }
    if (r->depth < 2 || top(r)->text) {
        return refuse(r, "it holds changes that cannot be accepted");
    }
    scrub_say(r->what, rule->said);
    skip_group(r, true);
    return true;
}

static bool take_word(struct rtf *r, const struct control *c)
{
    const struct rule *rule = rule_of(c->word);
    enum act act = rule ? rule->act : NOTHING;

    if (slice_equal(c->word, SLICE("bin"))) {
        return take_binary(r, c);
    }
    if (r->skipping) {
        return !r->deleted || act != CLOSED ||
               refuse(r, "it holds changes that cannot be accepted");
    }
    if (!flush(r) || r->depth == 0) {
        return false;
    }
    if (act == GROUP && !top(r)->words && r->depth > 1) {
        scrub_say(r->what, rule->said);
        skip_group(r, false);
        return true;
    }
    if (act == WORD) {
        scrub_say(r->what, rule->said);
        r->gap = true;
        return true;
    }
    if (act == DELETED) {
        return take_deleted(r, c, rule);
    }
    top(r)->picture = top(r)->picture || act == PICTURE;
    add_word(r, c);
    return true;
}

/* A backslash and what is no letter: \* before the first word of a group, a character in hexadecimal, others. */
static bool take_symbol(struct rtf *r)
{
    bool hex = slice_starts(r->rest, SLICE("\\'"));
    bool star = slice_starts(r->rest, SLICE("\\*"));
    struct slice raw = slice_head(r->rest, hex ? 4 : 2);

    r->rest = slice_from(r->rest, raw.len);
    if (r->skipping) {
        return true;
    }
    if (raw.len < 2 || !flush(r) || r->depth == 0) {
        return false;
    }
    add_text(r, raw);
    top(r)->text = top(r)->text || !star;
    top(r)->words = top(r)->words || !star;
    return true;
}

static bool take_text(struct rtf *r)
{
    size_t len = 0;

    while (len < r->rest.len && !strchr("{}\\", r->rest.ptr[len])) {
        len += 1;
    }
    len += len == 0; /* a zero byte */
    struct slice text = slice_head(r->rest, len);
    r->rest = slice_from(r->rest, len);
    if (r->skipping) {
        return true;
    }
    if (r->depth == 0) {
        return false;
    }
    if (top(r)->picture) {
        buf_add(&r->coded, text);
        return !r->coded.full;
    }
    for (size_t i = 0; i < len; i++) {
        top(r)->text = top(r)->text || (text.ptr[i] != '\r' && text.ptr[i] != '\n');
    }
    top(r)->words = top(r)->words || top(r)->text;
    add_text(r, text);
    return true;
}

static bool take(struct rtf *r)
{
    uint8_t c = r->rest.ptr[0];

    if (c == '{' || c == '}') {
        r->rest = slice_from(r->rest, 1);
        return c == '{' ? open_group(r) : close_group(r);
    }
    if (c == '\\' && r->rest.len > 1 && is_letter(r->rest.ptr[1])) {
        struct control control = read_control(r->rest);
        r->rest = slice_from(r->rest, control.raw.len);
        return take_word(r, &control);
    }
    return c == '\\' ? take_symbol(r) : take_text(r);
}

enum scrub_end scrub_rtf(struct slice bytes, struct buf *out, struct buf *what)
{
    struct rtf r = {.rest = bytes, .out = out, .what = what, .coded = {.max = bytes.len + 1}};
    bool good = true;

    do {
        good = r.rest.len && take(&r);
    } while (good && (r.depth || r.skipping));
    for (size_t i = 0; i < r.rest.len && good; i++) { /* zeros are among these */
        good = strchr(" \t\r\n", r.rest.ptr[i]) != NULL;
    }
    buf_done(&r.coded);
    if (!good || out->full) {
        return scrub_refuse(what, r.why ? r.why : out->full ? SCRUB_LARGE : SCRUB_DAMAGED);
    }
    return what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}
