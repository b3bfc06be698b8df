#include "formats/scrub/revisions.h"

#include "formats/scrub/internal.h"
#include "formats/scrub/xml.h"

#define CHANGES    "tracked changes"
#define COMMENTS   "comments"
#define PROPERTIES "document properties"

static const struct revision_rule word_rules[] = {
    {"w:ins",                         REVISION_UNWRAP,  CHANGES             },
    {"w:moveTo",                      REVISION_UNWRAP,  CHANGES             },
    {"w:del",                         REVISION_DELETED, CHANGES             },
    {"w:moveFrom",                    REVISION_DELETED, CHANGES             },
    {"w:cellIns",                     REVISION_DROP,    CHANGES             },
    {"w:cellDel",                     REVISION_REFUSE,  CHANGES             },
    {"w:cellMerge",                   REVISION_REFUSE,  CHANGES             },
    {"w:rPrChange",                   REVISION_DROP,    CHANGES             },
    {"w:pPrChange",                   REVISION_DROP,    CHANGES             },
    {"w:sectPrChange",                REVISION_DROP,    CHANGES             },
    {"w:tblPrChange",                 REVISION_DROP,    CHANGES             },
    {"w:tblPrExChange",               REVISION_DROP,    CHANGES             },
    {"w:tblGridChange",               REVISION_DROP,    CHANGES             },
    {"w:trPrChange",                  REVISION_DROP,    CHANGES             },
    {"w:tcPrChange",                  REVISION_DROP,    CHANGES             },
    {"w:numberingChange",             REVISION_DROP,    CHANGES             },
    {"w:moveFromRangeStart",          REVISION_DROP,    CHANGES             },
    {"w:moveFromRangeEnd",            REVISION_DROP,    CHANGES             },
    {"w:moveToRangeStart",            REVISION_DROP,    CHANGES             },
    {"w:moveToRangeEnd",              REVISION_DROP,    CHANGES             },
    {"w:customXmlInsRangeStart",      REVISION_DROP,    CHANGES             },
    {"w:customXmlInsRangeEnd",        REVISION_DROP,    CHANGES             },
    {"w:customXmlDelRangeStart",      REVISION_DROP,    CHANGES             },
    {"w:customXmlDelRangeEnd",        REVISION_DROP,    CHANGES             },
    {"w:customXmlMoveFromRangeStart", REVISION_DROP,    CHANGES             },
    {"w:customXmlMoveFromRangeEnd",   REVISION_DROP,    CHANGES             },
    {"w:customXmlMoveToRangeStart",   REVISION_DROP,    CHANGES             },
    {"w:customXmlMoveToRangeEnd",     REVISION_DROP,    CHANGES             },
    {"w:trackRevisions",              REVISION_DROP,    CHANGES             },
    {"w:commentRangeStart",           REVISION_DROP,    COMMENTS            },
    {"w:commentRangeEnd",             REVISION_DROP,    COMMENTS            },
    {"w:commentReference",            REVISION_DROP,    COMMENTS            },
    {"w:annotationRef",               REVISION_DROP,    COMMENTS            },
    {"w:rsids",                       REVISION_DROP,    "revision marks"    },
    {"w:attachedTemplate",            REVISION_DROP,    "a template's place"},
    {"w:dataBinding",                 REVISION_DROP,    PROPERTIES          }, /* the text stays */
    {"w15:dataBinding",               REVISION_DROP,    PROPERTIES          },
    {NULL,                            REVISION_NONE,    NULL                },
};

static const struct revision_rule odf_rules[] = {
    {"text:tracked-changes",  REVISION_DROP, CHANGES },
    {"table:tracked-changes", REVISION_DROP, CHANGES },
    {"text:change",           REVISION_DROP, CHANGES },
    {"text:change-start",     REVISION_DROP, CHANGES },
    {"text:change-end",       REVISION_DROP, CHANGES },
    {"office:annotation",     REVISION_DROP, COMMENTS},
    {"office:annotation-end", REVISION_DROP, COMMENTS},
    {NULL,                    REVISION_NONE, NULL    },
};

static const struct revision_rule slide_rules[] = {
    {"p188:commentRel", REVISION_DROP, COMMENTS},
    {NULL,              REVISION_NONE, NULL    },
};

static const struct revision_rule workbook_rules[] = {
    {"x15ac:absPath", REVISION_DROP, "the file's place"},
    {"fileSharing",   REVISION_DROP, "names of users"  },
    {NULL,            REVISION_NONE, NULL              },
};

static const char *const none[] = {NULL};
static const char *const word_attributes[] = {"w:rsid", NULL};
static const char *const odf_attributes[] = {"officeooo:rsid", "officeooo:paragraph-rsid", NULL};

static const char *const word_spaces[] = {
    "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"",
    "xmlns:w=\"http://purl.oclc.org/ooxml/wordprocessingml/main\"", NULL};
static const char *const odf_spaces[] = {
    "xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\"",
    "xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\"",
    "xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\"", NULL};

const struct revision_kind revision_word = {word_rules, word_attributes, word_spaces};
const struct revision_kind revision_odf = {odf_rules, odf_attributes, odf_spaces};
const struct revision_kind revision_slide = {slide_rules, none, none};
const struct revision_kind revision_workbook = {workbook_rules, none, none};

/* An element that is open. */
struct frame {
    struct slice name;
    size_t begins;  /* in out */
    bool unwrapped; /* its tags are not written */
    bool deleted;   /* a paragraph whose mark, or a row that, was deleted */
    bool full;      /* something is in it: in a paragraph besides properties, in a table rows */
    bool emptied;   /* a table of which a row went */
};

struct reader {
    const struct revision_kind *kind;
    struct buf *out;
    struct buf *what;
    struct frame open[XML_DEPTH_MAX];
    size_t depth;
    size_t skipping; /* elements that are open within one that is dropped, and this */
    struct slice rest;
};

static const struct revision_rule *rule_of(const struct reader *r, struct slice name)
{
    for (const struct revision_rule *rule = r->kind->rules; rule->name; rule++) {
        if (slice_equal(name, slice_text(rule->name))) {
            return rule;
        }
    }
    return NULL;
}

/* The n-th open element from within that is written, or NULL. */
static struct frame *frame_at(struct reader *r, size_t n)
{
    for (size_t i = r->depth; i > 0; i--) {
        if (!r->open[i - 1].unwrapped && n-- == 0) {
            return &r->open[i - 1];
        }
    }
    return NULL;
}

static bool is_named(const struct frame *f, const char *name)
{
    return f && slice_equal(f->name, slice_text(name));
}

/* A deletion in the properties of a paragraph's mark or of a row is about these. */
static void note_deletion(struct reader *r)
{
    bool mark = is_named(frame_at(r, 0), "w:rPr") && is_named(frame_at(r, 1), "w:pPr");
    struct frame *f = mark                                 ? frame_at(r, 2)
                      : is_named(frame_at(r, 0), "w:trPr") ? frame_at(r, 1)
                                                           : NULL;

    if (f) {
        f->deleted = true;
    }
}

/* Whether an element in a paragraph is none of what it shows. */
static bool shows_nothing(struct slice name)
{
    return slice_equal(name, SLICE("w:pPr")) || slice_equal(name, SLICE("w:proofErr")) ||
           slice_starts(name, SLICE("w:bookmark"));
}

static void write_open(struct reader *r, const struct xml_token *token)
{
    struct frame *parent = frame_at(r, 0);

    if (is_named(parent, "w:p") && !shows_nothing(token->name)) {
        parent->full = true;
    }
    if (xml_without(token, r->kind->attributes, r->out)) {
        scrub_say(r->what, "revision marks");
    }
}

/* False: refused, or nested too deeply. */
static bool take_open(struct reader *r, const struct xml_token *token)
{
    const struct revision_rule *rule = rule_of(r, token->name);
    enum revision_act act = rule ? rule->act : REVISION_NONE;
    bool opens = token->kind == XML_OPEN;
    size_t begins = r->out->len;

    if (rule) {
        scrub_say(r->what, rule->word);
    }
    if (act == REVISION_DELETED) {
        note_deletion(r);
    }
    if (act == REVISION_DELETED || act == REVISION_DROP) {
        r->skipping = opens;
        return true;
    }
    if (act == REVISION_REFUSE || (opens && r->depth == XML_DEPTH_MAX)) {
        return false;
    }
    if (act == REVISION_NONE) {
        write_open(r, token);
    }
    if (opens) {
        r->open[r->depth++] = (struct frame){
            .name = token->name, .begins = begins, .unwrapped = act == REVISION_UNWRAP};
    }
    return true;
}

/* Whether a paragraph that ends here may go: what it is in, such as a cell or a footnote, needs one at its end. */
static bool can_spare(struct reader *r)
{
    return is_named(frame_at(r, 0), "w:body") || slice_starts(r->rest, SLICE("<w:p>")) ||
           slice_starts(r->rest, SLICE("<w:p "));
}

/* Whether an element goes that has ended: a deleted row, a table without rows, a paragraph that shows nothing and whose mark
 * was deleted. */
static bool goes(struct reader *r, const struct frame *f)
{
    if (is_named(f, "w:tr")) {
        return f->deleted;
    }
    if (is_named(f, "w:tbl")) {
        return f->emptied && !f->full;
    }
    return is_named(f, "w:p") && f->deleted && !f->full && can_spare(r);
}

/* False: it closes what is not open. */
static bool take_close(struct reader *r, const struct xml_token *token)
{
    if (r->depth == 0 || !slice_equal(r->open[r->depth - 1].name, token->name)) {
        return false;
    }
    const struct frame f = r->open[--r->depth];
    struct frame *parent = frame_at(r, 0);
    bool gone = goes(r, &f);
    if (is_named(&f, "w:tr") && is_named(parent, "w:tbl")) {
        parent->full = parent->full || !gone;
        parent->emptied = parent->emptied || gone;
    }
    if (gone) {
        r->out->len = f.begins;
    } else if (!f.unwrapped) {
        buf_add(r->out, token->raw);
    }
    return true;
}

static bool take(struct reader *r, const struct xml_token *token)
{
    if (r->skipping) {
        r->skipping += token->kind == XML_OPEN;
        r->skipping -= token->kind == XML_CLOSE;
        return true;
    }
    switch (token->kind) {
    case XML_OPEN:
    case XML_EMPTY:
        return take_open(r, token);
    case XML_CLOSE:
        return take_close(r, token);
    case XML_TEXT:
        buf_add(r->out, token->raw);
        return true;
    }
    return false;
}

/* Whether a namespace has no other prefix than the one that the rules have. */
static bool is_usual(struct slice part, const char *declaration)
{
    size_t before = strcspn(declaration, "\"");
    const char *uri = declaration + before + 1;
    size_t len = strlen(uri) - 1;

    for (size_t at = 0; part.ptr && at < part.len; at += len) {
        const uint8_t *found = memmem(part.ptr + at, part.len - at, uri, len);
        if (!found) {
            break;
        }
        at = (size_t)(found - part.ptr);
        uint8_t quote = at > 0 ? part.ptr[at - 1] : 0;
        bool whole = (quote == '"' || quote == '\'') && at + len < part.len && found[len] == quote;
        if (whole && (at <= before || memcmp(found - 1 - before, declaration, before) != 0)) {
            return false;
        }
    }
    return true;
}

bool revisions_accept(struct slice part, const struct revision_kind *kind, struct buf *out,
                      struct buf *what)
{
    struct reader r = {.kind = kind, .out = out, .what = what, .rest = part};
    struct xml_token token;
    bool broken = memchr(part.ptr ? part.ptr : (const uint8_t *)"", '\0', part.len) != NULL;

    for (const char *const *s = kind->spaces; *s; s++) {
        broken = broken || !is_usual(part, *s);
    }
    while (!broken && xml_next(&r.rest, &token, &broken)) {
        broken = broken || !take(&r, &token);
    }
    return !broken && r.depth == 0 && r.skipping == 0 && !out->full;
}
