#include "formats/document/office.h"

#include <expat.h>
#include <stdlib.h>

#include "base/arena.h"

#define NAME_SEPARATOR '\n'      /* between namespace and local name, as expat hands them out */
#define CHUNK          (1 << 20) /* bytes given to expat at once */

struct office_text {
    XML_Parser parser;
    struct buf *out;
    struct buf *aside;
    enum office_family family;
    bool all;       /* every character counts, not only those of the elements of text_names */
    bool refused;   /* entities */
    unsigned text;  /* elements of text_names that are open */
    unsigned gone;  /* of these, those of deleted text */
    unsigned left;  /* elements that are open in what is passed over */
    bool reference; /* the cell's value is a number of a shared string */
};

static bool is_among(struct slice name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(name, slice_text(names[i]))) {
            return true;
        }
    }
    return false;
}

#define IS_AMONG(name, names) is_among(name, names, sizeof(names) / sizeof((names)[0]))

/* ---- entries ---- */

static bool ends(struct slice name, const char *end)
{
    struct slice wanted = slice_text(end);

    return name.len >= wanted.len &&
           slice_equal_nocase(slice_from(name, name.len - wanted.len), wanted);
}

static bool contains(struct slice name, const char *text)
{
    return name.len && memmem(name.ptr, name.len, text, strlen(text)) != NULL;
}

static bool is_markup(struct slice name)
{
    return ends(name, ".xml") || ends(name, ".rels") || ends(name, ".vml");
}

/* What is neither text nor known to hold none is a file of its own: whoever gives an archive the marks
 * of a document must not hide files in it. */
static enum office_use use_in_ooxml(struct slice name)
{
    static const char *const ignored[] = {
        "/theme/",        "/styles.xml",      "/fontTable.xml",
        "/settings.xml",  "/webSettings.xml", "/stylesWithEffects.xml",
        "/calcChain.xml", "/tableStyles.xml", "/viewProps.xml",
        "/presProps.xml", "/numbering.xml",   "/slideLayouts/",
        "/slideMasters/", "/notesMasters/",   "/handoutMasters/",
    };

    if (ends(name, ".bin") && (ends(name, "/workbook.bin") || contains(name, "/worksheets/sheet") ||
                               ends(name, "/sharedStrings.bin"))) {
        return OFFICE_UNREAD;
    }
    if (contains(name, "/embeddings/") || !is_markup(name)) {
        return OFFICE_CHILD;
    }
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        if (contains(name, ignored[i])) {
            return OFFICE_IGNORED;
        }
    }
    return OFFICE_TEXT;
}

static enum office_use use_in_odf(struct slice name)
{
    if (slice_equal(name, SLICE("mimetype")) || ends(name, "settings.xml") ||
        slice_equal(name, SLICE("META-INF/manifest.xml"))) {
        return OFFICE_IGNORED;
    }
    return is_markup(name) ? OFFICE_TEXT : OFFICE_CHILD;
}

enum office_use office_use_of(enum office_family family, struct slice name)
{
    switch (family) {
    case OFFICE_OOXML:
        return use_in_ooxml(name);
    case OFFICE_ODF:
        return use_in_odf(name);
    case OFFICE_NONE:
        break;
    }
    return OFFICE_IGNORED;
}

/* ---- elements ---- */

/* Elements of OOXML whose characters are text. */
static const char *const text_names[] = {
    "t",           "delText",     "instrText", "delInstrText", "v",          "f",
    "text",        "oddHeader",   "oddFooter", "evenHeader",   "evenFooter", "firstHeader",
    "firstFooter", "definedName", "formula1",  "formula2",
};

static const char *const gone_names[] = {"delText", "delInstrText"};

/* Elements of OOXML that are within a word or between its letters; all others separate words. */
static const char *const inline_ooxml[] = {
    "t",
    "r",
    "rPr",
    "ins",
    "del",
    "b",
    "i",
    "u",
    "color",
    "sz",
    "szCs",
    "rFonts",
    "lang",
    "proofErr",
    "delText",
    "bCs",
    "iCs",
    "bookmarkStart",
    "bookmarkEnd",
    "lastRenderedPageBreak",
    "noProof",
    "strike",
    "smartTag",
    "hyperlink",
    "vertAlign",
    "highlight",
    "rStyle",
    "kern",
    "spacing",
    "latin",
    "ea",
    "cs",
    "solidFill",
    "srgbClr",
    "softHyphen",
    "commentRangeStart",
    "commentRangeEnd",
    "sdt",
    "sdtContent",
    "moveTo",
    "moveFrom",
    "rFont",
    "family",
    "scheme",
    "charset",
    "noBreakHyphen",
    "schemeClr",
    "sym",
    "shd",
    "w",
    "position",
    "effectLst",
};

static const char *const inline_odf[] = {
    "span",
    "a",
    "bookmark",
    "bookmark-start",
    "bookmark-end",
    "change",
    "change-start",
    "change-end",
    "soft-page-break",
    "reference-mark",
    "reference-mark-start",
    "reference-mark-end",
    "meta",
    "ruby",
    "ruby-base",
};

/* Attributes whose values people wrote. */
static const char *const attribute_names[] = {
    "descr", "title", "author", "alt", "tooltip", "display", "initials", "prompt",
};

static struct slice local_of(const XML_Char *name)
{
    struct slice whole = slice_text(name);
    struct slice local = SLICE_NONE;

    (void)slice_cut(whole, NAME_SEPARATOR, &local);
    return local.len ? local : whole;
}

static bool is_inline(const struct office_text *t, struct slice name)
{
    return t->family == OFFICE_ODF ? IS_AMONG(name, inline_odf)
                                   : !t->all && IS_AMONG(name, inline_ooxml);
}

static void separate(struct office_text *t)
{
    buf_add_byte(t->out, '\n');
}

/* What does not fit sets `full`, which the caller sees. */
static void add(struct buf *out, struct slice text)
{
    size_t room = out->max - out->len;

    buf_add(out, slice_head(text, room));
    out->full = out->full || text.len > room;
}

static void add_value(struct office_text *t, const char *value)
{
    separate(t);
    add(t->out, slice_text(value));
    separate(t);
}

static void take_attributes(struct office_text *t, struct slice element,
                            const XML_Char **attributes)
{
    bool external = false;
    const char *target = NULL;

    for (size_t i = 0; attributes[i]; i += 2) {
        struct slice name = local_of(attributes[i]);
        struct slice value = slice_text(attributes[i + 1]);
        if (slice_equal(element, SLICE("c")) && slice_equal(name, SLICE("t"))) {
            t->reference = slice_equal(value, SLICE("s"));
        }
        external = external || (slice_equal(name, SLICE("TargetMode")) &&
                                slice_equal(value, SLICE("External")));
        if (slice_equal(name, SLICE("Target")) ||
            (t->family == OFFICE_ODF && slice_equal(name, SLICE("href")) &&
             slice_find(value, ':') < value.len)) {
            target = attributes[i + 1];
        }
        if (IS_AMONG(name, attribute_names) ||
            (slice_equal(name, SLICE("name")) && slice_equal(element, SLICE("sheet")))) {
            add_value(t, attributes[i + 1]);
        }
    }
    if (target && (external || t->family == OFFICE_ODF)) {
        add_value(t, target);
    }
}

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct office_text *t = context;
    struct slice local = local_of(name);

    if (t->left || slice_equal(local, SLICE("Fallback"))) { /* says again what a Choice says */
        t->left++;
        return;
    }
    if (slice_equal(local, SLICE("c"))) {
        t->reference = false;
    }
    if (!is_inline(t, local)) {
        separate(t);
    }
    if (slice_equal(local, SLICE("noBreakHyphen"))) {
        buf_add_byte(t->out, '-');
    }
    take_attributes(t, local, attributes);
    if (slice_equal(local, SLICE("v")) && t->reference) {
        t->left = 1;
        return;
    }
    t->text += IS_AMONG(local, text_names);
    t->gone += IS_AMONG(local, gone_names);
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    struct office_text *t = context;
    struct slice local = local_of(name);

    if (t->left) {
        t->left--;
        return;
    }
    t->text -= IS_AMONG(local, text_names);
    t->gone -= IS_AMONG(local, gone_names);
    if (slice_equal(local, SLICE("del"))) {
        buf_add_byte(t->aside, '\n');
    }
    if (!is_inline(t, local)) {
        separate(t);
    }
}

static void XMLCALL on_characters(void *context, const XML_Char *text, int len)
{
    struct office_text *t = context;

    if (t->left || !(t->all || t->text)) {
        return;
    }
    add(t->gone ? t->aside : t->out, slice_of(text, (size_t)len));
}

static void XMLCALL on_entity(void *context, const XML_Char *name, int parameter,
                              const XML_Char *value, int len, const XML_Char *base,
                              const XML_Char *system, const XML_Char *public,
                              const XML_Char *notation)
{
    struct office_text *t = context;

    (void)name, (void)parameter, (void)value, (void)len, (void)base, (void)system, (void)public;
    (void)notation;
    t->refused = true;
    (void)XML_StopParser(t->parser, XML_FALSE);
}

struct office_text *office_text_new(enum office_family family, struct slice name, struct buf *out,
                                    struct buf *aside)
{
    struct office_text *t = calloc(1, sizeof(*t));

    if (!t) {
        arena_panic("out of memory");
    }
    *t = (struct office_text){
        .parser = XML_ParserCreateNS(NULL, NAME_SEPARATOR),
        .out = out,
        .aside = aside,
        .family = family,
        .all = family == OFFICE_ODF || slice_starts(name, SLICE("docProps/")) ||
               slice_starts(name, SLICE("customXml/")) || ends(name, ".vml"),
    };
    if (!t->parser) {
        arena_panic("out of memory");
    }
    XML_SetUserData(t->parser, t);
    XML_SetElementHandler(t->parser, on_start, on_end);
    XML_SetCharacterDataHandler(t->parser, on_characters);
    XML_SetEntityDeclHandler(t->parser, on_entity);
    return t;
}

void office_text_free(struct office_text *t)
{
    if (t) {
        XML_ParserFree(t->parser);
        free(t);
    }
}

bool office_text_add(struct office_text *t, struct slice bytes)
{
    while (bytes.len && !t->refused) {
        struct slice step = slice_head(bytes, CHUNK);
        if (XML_Parse(t->parser, (const char *)step.ptr, (int)step.len, XML_FALSE) !=
            XML_STATUS_OK) {
            return false;
        }
        bytes = slice_from(bytes, step.len);
    }
    return !t->refused;
}

bool office_text_end(struct office_text *t)
{
    bool sound = !t->refused && XML_Parse(t->parser, "", 0, XML_TRUE) == XML_STATUS_OK;

    separate(t);
    return sound;
}
