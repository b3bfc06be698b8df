/* SVG by its tags: what is in no namespace by which it is drawn goes, and so do <metadata>, comments and what programs wrote between the tags;
 * pictures within are cleaned themselves. What stays is byte for byte what it was. Titles and descriptions stay: they are shown. */
#include "formats/scrub/dataurl.h"
#include "formats/scrub/internal.h"
#include "formats/scrub/looks.h"
#include "formats/scrub/xml.h"

#define PREFIXES_MAX   100
#define IDS_MAX        1000
#define LOOKS_MAX      ((size_t)1 << 30) /* bytes that are compared with them */
#define REFERENCES_MAX ((size_t)1 << 25) /* that are compared with them */
#define LOOKS          "it may be drawn otherwise without what would go"
#define ATTRIBUTES_MAX 1000000 /* of all tags, each of which is compared with all prefixes */
#define PROGRAM_DATA   "data of programs"

/* What stands before a name, and whether its namespace is one of those by which it is drawn. */
struct prefix {
    struct slice name;
    bool drawn;
};

struct svg {
    struct buf *out;
    struct buf *what;
    struct prefix prefixes[PREFIXES_MAX];
    size_t n_prefixes;
    size_t attributes;
    size_t depth;
    size_t skipping; /* depth within an element that goes; 0: none does */
    size_t pictures; /* that were gone through */
    bool program;
    bool styled;               /* its looks may depend on which elements there are */
    bool lost;                 /* an element or attribute went */
    struct slice ids[IDS_MAX]; /* of elements that went */
    size_t n_ids;
    const char *why; /* why it cannot be changed */
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool refuse(struct svg *s, const char *why)
{
    s->why = s->why ? s->why : why;
    return false;
}

/* ---- namespaces ---- */

static bool is_drawn(struct slice uri)
{
    static const char *const drawn[] = {
        "http://www.w3.org/2000/svg",           "http://www.w3.org/1999/xlink",
        "http://www.w3.org/1999/xhtml",         "http://www.w3.org/1998/Math/MathML",
        "http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2001/xml-events"};

    for (size_t i = 0; i < sizeof(drawn) / sizeof(drawn[0]); i++) {
        if (slice_equal(uri, slice_text(drawn[i]))) {
            return true;
        }
    }
    return false;
}

static struct slice prefix_of(struct slice name)
{
    size_t colon = slice_find(name, ':');

    return colon < name.len ? slice_head(name, colon) : SLICE_NONE;
}

static struct slice local_of(struct slice name)
{
    struct slice prefix = prefix_of(name);

    return prefix.ptr ? slice_from(name, prefix.len + 1) : name;
}

static const struct prefix *find_prefix(const struct svg *s, struct slice name)
{
    for (size_t i = 0; i < s->n_prefixes; i++) {
        if (slice_equal(s->prefixes[i].name, name)) {
            return &s->prefixes[i];
        }
    }
    return NULL;
}

/* Note a declaration. One prefix for two namespaces, or one written in a way that hides it, is not gone through. */
static bool declare(struct svg *s, struct slice name, struct slice uri)
{
    const struct prefix *known = find_prefix(s, name);
    bool drawn = is_drawn(uri);

    if (uri.len && memchr(uri.ptr, '&', uri.len)) {
        return refuse(s, "it is written in a way that is not gone through");
    }
    if (known) {
        return known->drawn == drawn ||
               refuse(s, "it is written in a way that is not gone through");
    }
    if (s->n_prefixes == PREFIXES_MAX) {
        return refuse(s, SCRUB_LARGE);
    }
    s->prefixes[s->n_prefixes++] = (struct prefix){name, drawn};
    return true;
}

/* Whether a name's prefix is one by which it is drawn; false and *broken: it is declared nowhere. */
static bool has_drawn_prefix(struct svg *s, struct slice name, bool *broken)
{
    struct slice prefix = prefix_of(name);

    if (!prefix.ptr || slice_equal(prefix, SLICE("xml"))) {
        return true;
    }
    const struct prefix *found = find_prefix(s, prefix);
    *broken = *broken || !found;
    return found && found->drawn;
}

/* The namespaces of one tag; false when its attributes cannot be read. */
static bool declare_all(struct svg *s, const struct xml_token *token)
{
    struct slice rest = xml_attributes(token);
    struct slice raw;
    struct slice name;
    struct slice value;

    while (xml_next_attribute(&rest, &raw, &name, &value)) {
        if (++s->attributes > ATTRIBUTES_MAX) {
            return refuse(s, SCRUB_LARGE);
        }
        s->program = s->program || slice_starts_nocase(name, SLICE("on")) ||
                     slice_starts_nocase(value, SLICE("javascript:"));
        for (size_t i = 0; i < name.len; i++) {
            if (is_space(name.ptr[i])) {
                return false;
            }
        }
        if (slice_starts(name, SLICE("xmlns:")) && !declare(s, slice_from(name, 6), value)) {
            return false;
        }
    }
    while (rest.len && is_space(rest.ptr[0])) {
        rest = slice_from(rest, 1);
    }
    return slice_equal(rest, SLICE(">")) || slice_equal(rest, SLICE("/>"));
}

/* ---- pictures within ---- */

/* Append the value of an attribute; a file in it is cleaned. False when it may say something and cannot be. */
static bool add_value(struct svg *s, struct slice name, struct slice value)
{
    struct slice local = local_of(name);
    bool link = slice_equal(local, SLICE("href")) || slice_equal(local, SLICE("src"));
    size_t begin = s->out->len;
    bool cleaned = false;

    if (link && dataurl_is_place(value)) {
        return refuse(s, "it needs other files, whose places it names");
    }
    if (link && dataurl_is_hidden(value)) {
        return refuse(s, SCRUB_PICTURE);
    }
    if (!dataurl_is(value)) {
        buf_add(s->out, value);
        return true;
    }
    if (!dataurl_clean(value, s->out, &cleaned)) {
        return refuse(s, SCRUB_PICTURE);
    }
    s->pictures += dataurl_count(slice_from(buf_slice(s->out), begin));
    if (cleaned) {
        scrub_say(s->what, "data of pictures");
    }
    return true;
}

/* ---- tags ---- */

/* What an element says, or NULL: it is drawn. */
static const char *secret_of(struct svg *s, const struct xml_token *token, bool *broken)
{
    struct slice space = xml_attribute(token, "xmlns");

    if (!has_drawn_prefix(s, token->name, broken) ||
        (!prefix_of(token->name).ptr && space.len && !is_drawn(space))) {
        return PROGRAM_DATA;
    }
    return slice_equal(local_of(token->name), SLICE("metadata")) ? "metadata" : NULL;
}

/* One attribute with the blanks before it: kept, or named. */
static bool take_attribute(struct svg *s, struct slice raw, struct slice name, struct slice value,
                           bool *broken)
{
    bool declares = slice_starts(name, SLICE("xmlns:"));
    const struct prefix *declared = declares ? find_prefix(s, slice_from(name, 6)) : NULL;

    if (declares ? !declared || !declared->drawn : !has_drawn_prefix(s, name, broken)) {
        scrub_say(s->what, PROGRAM_DATA);
        s->lost = true;
        return true;
    }
    size_t before = (size_t)(value.ptr - raw.ptr);
    buf_add(s->out, slice_head(raw, before));
    if (!add_value(s, name, value)) {
        return false;
    }
    buf_add(s->out, slice_from(raw, before + value.len));
    return true;
}

static bool write_tag(struct svg *s, const struct xml_token *token)
{
    struct slice rest = xml_attributes(token);
    struct slice raw;
    struct slice name;
    struct slice value;
    bool broken = false;

    buf_add(s->out, slice_head(token->raw, token->raw.len - rest.len));
    while (xml_next_attribute(&rest, &raw, &name, &value)) {
        if (!take_attribute(s, raw, name, value, &broken)) {
            return false;
        }
    }
    buf_add(s->out, rest);
    return !broken;
}

/* Note an element that goes. */
static bool lose(struct svg *s, const struct xml_token *token)
{
    struct slice id = xml_attribute(token, "id");

    s->lost = true;
    if (slice_equal(local_of(token->name), SLICE("style"))) {
        return refuse(s, LOOKS);
    }
    if (id.len && s->n_ids == IDS_MAX) {
        return refuse(s, SCRUB_LARGE);
    }
    if (id.len) {
        s->ids[s->n_ids++] = id;
    }
    return true;
}

static bool take_open(struct svg *s, const struct xml_token *token)
{
    bool broken = false;
    const char *secret = secret_of(s, token, &broken);
    bool opens = token->kind == XML_OPEN;

    if (broken || (secret && s->depth == 0)) {
        return false;
    }
    if (secret) {
        scrub_say(s->what, secret);
        s->skipping = opens;
        return lose(s, token);
    }
    s->depth += opens;
    return write_tag(s, token);
}

static bool take_text(struct svg *s, struct slice raw)
{
    bool comment = slice_starts(raw, SLICE("<!--"));
    bool program = slice_starts(raw, SLICE("<?")) && !slice_starts(raw, SLICE("<?xml ")) &&
                   !slice_starts(raw, SLICE("<?xml-stylesheet"));

    if (comment || program) {
        scrub_say(s->what, comment ? "comments" : PROGRAM_DATA);
    } else {
        s->styled = s->styled || slice_starts(raw, SLICE("<?xml-stylesheet"));
        buf_add(s->out, raw);
    }
    return true;
}

static bool take(struct svg *s, const struct xml_token *token)
{
    if (s->skipping) {
        s->skipping += token->kind == XML_OPEN;
        s->skipping -= token->kind == XML_CLOSE;
        return (token->kind != XML_OPEN && token->kind != XML_EMPTY) || lose(s, token);
    }
    switch (token->kind) {
    case XML_OPEN:
    case XML_EMPTY:
        return take_open(s, token);
    case XML_CLOSE:
        buf_add(s->out, token->raw);
        return s->depth-- > 0;
    case XML_TEXT:
        return take_text(s, token->raw);
    }
    return false;
}

/* ---- the whole ---- */

/* Whether its characters are such that tags can be told by their bytes. */
static bool is_readable(struct slice bytes)
{
    static const char *const encodings[] = {"utf-8", "us-ascii", "iso-8859-", "windows-125"};
    struct xml_token head = {.raw = slice_head(bytes, slice_find(bytes, '>'))};
    bool declared = slice_starts(head.raw, SLICE("<?xml "));

    head.name = slice_head(head.raw, 5);
    struct slice encoding = declared ? xml_attribute(&head, "encoding") : SLICE_NONE;
    if (memchr(bytes.ptr, '\0', bytes.len)) {
        return false;
    }
    if (encoding.len == 0) {
        return slice_is_utf8(bytes);
    }
    for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
        if (slice_starts_nocase(encoding, slice_text(encodings[i]))) {
            return i || slice_is_utf8(bytes);
        }
    }
    return false;
}

/* Length of a DOCTYPE at the start of s; 0 when it declares something itself, such as an entity, which would have to be put in. */
static size_t doctype_len(struct slice s)
{
    size_t end = slice_find(s, '>');
    struct slice head = slice_head(s, end);

    return end < s.len && slice_find(head, '[') == head.len ? end + 1 : 0;
}

/* All before the first tag, of which comments go; false where it does not end. */
static bool take_prolog(struct svg *s, struct slice *rest)
{
    bool typed = false;
    struct xml_token token;
    bool broken = false;

    while (rest->len) {
        struct slice before = *rest;
        if (slice_starts(*rest, SLICE("<!DOCTYPE"))) {
            size_t len = typed ? 0 : doctype_len(*rest); /* there is one */
            typed = true;
            buf_add(s->out, slice_head(*rest, len));
            *rest = slice_from(*rest, len);
            if (len == 0) {
                return refuse(s, "it is written in a way that is not gone through");
            }
        } else if (!xml_next(rest, &token, &broken)) {
            return false;
        } else if (token.kind != XML_TEXT) {
            *rest = before;
            return true;
        } else {
            (void)take_text(s, token.raw);
        }
    }
    return false;
}

/* The first way through: namespaces, programs and styles. */
static bool look_over(struct svg *s, struct slice rest)
{
    struct xml_token token;
    bool broken = false;
    bool style = false;

    while (xml_next(&rest, &token, &broken)) {
        struct slice local = local_of(token.name);
        if (token.kind == XML_TEXT) {
            s->styled = s->styled || (style && looks_depend(token.raw));
            continue;
        }
        style = token.kind == XML_OPEN && slice_equal(local, SLICE("style"));
        if (token.kind != XML_CLOSE) {
            s->program = s->program || slice_equal(local, SLICE("script"));
            if (!declare_all(s, &token)) {
                return false;
            }
        }
    }
    return !broken;
}

/* Whether it is drawn as before without what went. */
static bool looks_same(struct svg *s)
{
    struct slice drawing = buf_slice(s->out);

    if (s->lost && s->styled) {
        return refuse(s, LOOKS);
    }
    if (s->n_ids > LOOKS_MAX / (drawing.len + 1) ||
        (s->n_ids && looks_references(drawing) > REFERENCES_MAX / s->n_ids)) {
        return refuse(s, SCRUB_LARGE);
    }
    for (size_t i = 0; i < s->n_ids; i++) {
        if (looks_refer(drawing, s->ids[i])) {
            return refuse(s, LOOKS);
        }
    }
    return true;
}

static bool take_file(struct svg *s, struct slice bytes)
{
    struct slice rest = slice_from(bytes, slice_starts(bytes, SLICE("\xef\xbb\xbf")) ? 3 : 0);
    struct xml_token token;
    bool broken = false;

    if (!is_readable(rest)) {
        return refuse(s, "it is written in a way that is not gone through");
    }
    if (!take_prolog(s, &rest)) {
        return false;
    }
    if (!look_over(s, rest)) {
        return false;
    }
    while (!broken && xml_next(&rest, &token, &broken)) {
        broken = broken || !take(s, &token);
    }
    if (broken || s->depth || s->skipping) {
        return false;
    }
    if (!looks_same(s)) {
        return false;
    }
    return dataurl_count(buf_slice(s->out)) == s->pictures || refuse(s, SCRUB_PICTURE);
}

enum scrub_end scrub_svg(struct slice bytes, struct buf *out, struct buf *what)
{
    struct svg s = {.out = out, .what = what};

    if (!take_file(&s, bytes)) {
        return scrub_refuse(what, s.why ? s.why : SCRUB_DAMAGED);
    }
    if (what->len && s.program) { /* which may read what would go */
        return scrub_refuse(what, "it is a program as well");
    }
    return out->full ? SCRUB_CANNOT : what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}
