/* OOXML and OpenDocument. Properties are replaced by empty ones, so that whatever refers to them finds them; parts with comments and
 * names of people go with all that refers to them; tracked changes are accepted. */
#include "formats/scrub/internal.h"
#include "formats/scrub/package.h"
#include "formats/scrub/printers.h"
#include "formats/scrub/properties.h"
#include "formats/scrub/revisions.h"
#include "formats/scrub/xml.h"

#define PART_MAX     ((size_t)96 << 20)
#define WORD_MAX     300
#define NAME_MAX_LEN ((size_t)70000)
#define LOOKS_MAX    ((size_t)30000000) /* at parts, for what refers to them */

struct office {
    struct package package;
    struct buf *what;
    bool *gone;         /* of each part */
    unsigned *property; /* of each part: which of the properties a relationship says that it is */
    struct buf part;    /* as it was */
    struct buf fresh;   /* as it becomes */
    struct buf lost;    /* by which id a sheet refers to the shapes of its comments, which go */
    size_t looks;
    bool any_gone;
    bool damaged;
    const char *why;   /* "it ...", when it is not damaged but cannot be changed */
    const char *stays; /* the same of the first picture, film or sound in it that stays */
};

static void end_office(struct office *o)
{
    package_done(&o->package);
    buf_done(&o->part);
    buf_done(&o->fresh);
    buf_done(&o->lost);
}

OWN_VALUE(office, struct office, end_office)

static void refuse(struct office *o, const char *why)
{
    o->why = o->damaged ? o->why : why; /* the first */
    o->damaged = true;
}

static bool ends_with(struct slice s, const char *end)
{
    size_t len = strlen(end);

    return s.len >= len && slice_equal_nocase(slice_from(s, s.len - len), slice_text(end));
}

static bool holds(struct slice s, const char *part)
{
    return s.len && memmem(s.ptr, s.len, part, strlen(part)) != NULL;
}

static bool read_part(struct office *o, size_t i)
{
    return package_read(&o->package, i, &o->part);
}

static void take_out(struct office *o, size_t i, const char *word)
{
    if (!o->gone[i]) {
        o->gone[i] = o->any_gone = true;
        package_delete(&o->package, i);
        scrub_say(o->what, word);
    }
}

/* ---- which parts go ---- */

/* The part of that name, which may begin with a slash; package_count(): none. */
static size_t find_part(struct office *o, struct slice name)
{
    OWN(buf) struct buf text = {.max = NAME_MAX_LEN};

    buf_add(&text, slice_from(name, slice_starts(name, SLICE("/")) ? 1 : 0));
    buf_add_byte(&text, '\0');
    return text.full ? package_count(&o->package)
                     : package_find(&o->package, (const char *)text.ptr);
}

/* Whether a path ends with that of a target, by whole names. */
static bool leads_to(struct slice target, struct slice path)
{
    size_t at = path.len - (target.len < path.len ? target.len : path.len);

    return slice_equal(slice_from(path, at), target) && (at == 0 || path.ptr[at - 1] == '/');
}

/* Whether a relationship's target, relative to a place that is not looked at, may be a part that goes. */
static bool is_gone(struct office *o, struct slice target)
{
    while (slice_starts(target, SLICE("/")) || slice_starts(target, SLICE("../"))) {
        target = slice_from(target, target.ptr[0] == '/' ? 1 : 3);
    }
    size_t n = target.len && o->any_gone ? package_count(&o->package) : 0;
    o->looks += n;
    if (o->looks > LOOKS_MAX) {
        refuse(o, SCRUB_LARGE);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (o->gone[i] && leads_to(target, package_name_before(&o->package, i))) {
            return true;
        }
    }
    return false;
}

/* Go through a part that lists others, [Content_Types].xml or relationships; *changed: without those that go. */
typedef bool keep_fn(struct office *o, const struct xml_token *token);

static void filter_list(struct office *o, keep_fn *keep, bool *changed)
{
    struct slice rest = buf_slice(&o->part);
    struct slice within = SLICE_NONE; /* an element that goes, until it ends */
    struct xml_token token;
    bool broken = false;

    buf_reset(&o->fresh);
    while (xml_next(&rest, &token, &broken)) {
        bool begins = token.kind == XML_EMPTY || token.kind == XML_OPEN;
        if (within.len) {
            bool ends = token.kind == XML_CLOSE && slice_equal(token.name, within);
            within = ends ? SLICE_NONE : within;
        } else if (begins && !keep(o, &token)) {
            *changed = true;
            within = token.kind == XML_OPEN ? token.name : SLICE_NONE;
        } else {
            buf_add(&o->fresh, token.raw);
        }
    }
    o->damaged = o->damaged || broken || within.len;
}

static bool keep_type(struct office *o, const struct xml_token *token)
{
    struct slice name = xml_attribute(token, "PartName");
    const char *word = property_word_of_type(xml_attribute(token, "ContentType"));

    if (!word || name.len == 0) {
        return true;
    }
    size_t i = find_part(o, name);
    if (i < package_count(&o->package)) {
        take_out(o, i, word);
    }
    return false;
}

static bool keep_relationship(struct office *o, const struct xml_token *token)
{
    struct slice type = xml_attribute(token, "Type");
    struct slice target = xml_attribute(token, "Target");

    if (ends_with(type, "/attachedTemplate") || ends_with(type, "/metadata/thumbnail")) {
        scrub_say(o->what, ends_with(type, "e") ? "a template's place" : "preview");
        return false;
    }
    bool gone =
        !slice_equal(xml_attribute(token, "TargetMode"), SLICE("External")) && is_gone(o, target);
    if (gone && ends_with(type, "/vmlDrawing")) {
        buf_reset(&o->lost);
        buf_add(&o->lost, xml_attribute(token, "Id"));
    }
    return !gone;
}

/* In a sheet: the shapes of comments that go. */
static bool keep_shapes(struct office *o, const struct xml_token *token)
{
    return !slice_equal(token->name, SLICE("legacyDrawing")) ||
           !slice_equal(xml_attribute(token, "r:id"), buf_slice(&o->lost));
}

/* Shapes of an Excel sheet's comments, and nothing else such as buttons. */
static bool is_of_comments(struct slice vml)
{
    static const char object[] = "ObjectType=\"";
    bool notes = false;

    for (;;) {
        const uint8_t *at = vml.len ? memmem(vml.ptr, vml.len, object, sizeof(object) - 1) : NULL;
        if (!at) {
            return notes;
        }
        vml = slice_from(vml, (size_t)(at - vml.ptr) + sizeof(object) - 1);
        if (!slice_starts(vml, SLICE("Note\""))) {
            return false;
        }
        notes = true;
    }
}

static void choose_parts(struct office *o)
{
    size_t n = package_count(&o->package);

    for (size_t i = 0; i < n; i++) {
        struct slice name = package_name(&o->package, i);
        if (slice_starts(name, SLICE("docProps/thumbnail.")) ||
            slice_equal(name, SLICE("Thumbnails/thumbnail.png"))) {
            take_out(o, i, "preview");
        } else if (slice_starts(name, SLICE("xl/")) && ends_with(name, ".vml") && read_part(o, i) &&
                   is_of_comments(buf_slice(&o->part))) {
            take_out(o, i, "comments");
        }
    }
}

/* ---- what becomes of a part that stays ---- */

/* The part that a relationship of the package leads to; package_count(): none. Names of parts are the same in capital letters (ISO
 * 29500-2 section 6.2.2.3). */
static size_t find_target(struct office *o, struct slice target)
{
    size_t n = package_count(&o->package);
    size_t i = 0;

    target = slice_from(target, slice_starts(target, SLICE("./")) ? 2 : 0);
    target = slice_from(target, slice_starts(target, SLICE("/")) ? 1 : 0);
    o->looks += n;
    if (o->looks > LOOKS_MAX) {
        refuse(o, SCRUB_LARGE);
        return n;
    }
    while (i < n && !slice_equal_nocase(package_name(&o->package, i), target)) {
        i++;
    }
    return i;
}

/* Note which parts the package's own relationships say are properties; the preview goes, whatever it is called. */
static void follow_relationships(struct office *o)
{
    size_t n = package_count(&o->package);
    size_t i = find_part(o, SLICE("_rels/.rels"));
    struct xml_token token;

    if (i == n || !read_part(o, i)) {
        return;
    }
    struct slice rest = buf_slice(&o->part);
    while (!o->damaged && xml_next(&rest, &token, &o->damaged)) {
        struct slice type = xml_attribute(&token, "Type");
        unsigned which = property_of_type(type);
        bool preview = ends_with(type, "/metadata/thumbnail");
        size_t at = which || preview ? find_target(o, xml_attribute(&token, "Target")) : n;
        if (at < n && which) {
            o->property[at] = which;
        } else if (at < n) {
            take_out(o, at, "preview");
        }
    }
}

static void empty_properties(struct office *o, size_t i, struct slice name)
{
    unsigned which = o->property[i] ? o->property[i] : property_of_name(name);
    struct slice empty = property_empty(which);

    if (which && read_part(o, i) && !slice_equal(buf_slice(&o->part), empty)) {
        package_replace(&o->package, i, empty);
        scrub_say(o->what, "document properties");
    }
}

static void accept(struct office *o, size_t i, const struct revision_kind *kind)
{
    OWN(buf) struct buf words = {.max = WORD_MAX};

    buf_reset(&o->fresh);
    if (!read_part(o, i)) {
        refuse(o, NULL);
    } else if (!revisions_accept(buf_slice(&o->part), kind, &o->fresh, &words)) {
        refuse(o,
               o->fresh.full ? SCRUB_LARGE : "it is damaged, or a change in it cannot be accepted");
    } else if (words.len) {
        package_replace(&o->package, i, buf_slice(&o->fresh));
        scrub_say_all(o->what, buf_slice(&words));
    }
}

static void clean_picture(struct office *o, size_t i)
{
    OWN(buf) struct buf words = {.max = WORD_MAX};
    enum scrub_end end = SCRUB_NOTHING;

    buf_reset(&o->fresh);
    if (read_part(o, i)) {
        end = scrub_media(buf_slice(&o->part), &o->fresh, &words);
    }
    if (end == SCRUB_CLEANED) {
        package_replace(&o->package, i, buf_slice(&o->fresh));
        scrub_say(o->what, "data of pictures");
    }
    bool other = end == SCRUB_NOTHING && scrub_is_other_medium(buf_slice(&o->part));
    if ((other || end == SCRUB_CANNOT) && !o->stays) { /* then it may say something yet */
        o->stays = scrub_media_reason(buf_slice(&o->part));
    }
}

/* False: nothing went from it. */
static bool filter_part(struct office *o, size_t i, keep_fn *keep)
{
    bool changed = false;

    if (read_part(o, i)) {
        filter_list(o, keep, &changed);
    }
    if (changed) {
        package_replace(&o->package, i, buf_slice(&o->fresh));
    }
    return changed;
}

/* Whether a sheet's own list of relationships names shapes that go. */
static bool loses_shapes(struct office *o, struct slice name)
{
    size_t at = name.len;
    bool changed = false;

    while (at > 0 && name.ptr[at - 1] != '/') {
        at--;
    }
    struct slice rels =
        arena_printf(&o->package.arena, "%.*s_rels/%.*s.rels", SLICE_ARG(slice_head(name, at)),
                     SLICE_ARG(slice_from(name, at)));
    size_t i = find_part(o, rels);
    buf_reset(&o->lost);
    if (i < package_count(&o->package) && read_part(o, i)) {
        filter_list(o, keep_relationship, &changed);
    }
    return o->lost.len != 0;
}

static void clean_printer(struct office *o, size_t i)
{
    buf_reset(&o->fresh);
    if (read_part(o, i)) {
        printer_clean(buf_slice(&o->part), &o->fresh);
        if (!slice_equal(buf_slice(&o->fresh), buf_slice(&o->part))) {
            package_replace(&o->package, i, buf_slice(&o->fresh));
            scrub_say(o->what, "printers");
        }
    }
}

/* Of OpenDocument's settings. */
static bool keep_setting(struct office *o, const struct xml_token *token)
{
    bool goes = printer_is_item(token);

    if (goes) {
        scrub_say(o->what, "printers");
    }
    return !goes;
}

/* In which form changes stand in a part, or NULL. */
static const struct revision_kind *changes_in(struct slice name, bool xml)
{
    if (slice_equal(name, SLICE("content.xml")) || slice_equal(name, SLICE("styles.xml"))) {
        return &revision_odf;
    }
    if (slice_equal(name, SLICE("xl/workbook.xml"))) {
        return &revision_workbook;
    }
    if (xml && slice_starts(name, SLICE("word/"))) {
        return &revision_word;
    }
    return xml && slice_starts(name, SLICE("ppt/slides/")) ? &revision_slide : NULL;
}

static void clean_part(struct office *o, size_t i, struct slice name)
{
    bool xml = ends_with(name, ".xml");
    const struct revision_kind *changes = changes_in(name, xml);

    empty_properties(o, i, name);
    if (ends_with(name, ".rels")) {
        (void)filter_part(o, i, keep_relationship);
    } else if (changes) {
        accept(o, i, changes);
    } else if (slice_starts(name, SLICE("xl/")) && holds(name, "sheets/") &&
               loses_shapes(o, name)) {
        if (!xml || !filter_part(o, i, keep_shapes)) { /* not in a binary sheet */
            refuse(o, "it holds comments that cannot be taken out");
        }
    } else if (printer_is_settings(name)) {
        clean_printer(o, i);
    } else if (slice_equal(name, SLICE("settings.xml")) || ends_with(name, "/settings.xml")) {
        (void)filter_part(o, i, keep_setting);
    } else if (!xml && scrub_is_medium_name(name)) {
        clean_picture(o, i);
    }
}

/* ---- the two packages ---- */

static bool keep_entry(struct office *o, const struct xml_token *token)
{
    (void)o;
    return !slice_equal(xml_attribute(token, "manifest:full-path"),
                        SLICE("Thumbnails/thumbnail.png"));
}

/* Whether a list of types says that the document is signed, in whatever part: .NET names its own. */
static bool names_signature(struct slice types)
{
    static const char type[] = "digital-signature-origin";
    size_t len = sizeof(type) - 1;

    for (size_t i = 0; i + len <= types.len; i++) {
        if ((types.ptr[i] | 0x20) == type[0] &&
            slice_equal_nocase(slice_head(slice_from(types, i), len), slice_text(type))) {
            return true;
        }
    }
    return false;
}

static void clean_list(struct office *o, const char *name, keep_fn *keep)
{
    size_t i = find_part(o, slice_text(name));
    bool changed = false;

    if (i == package_count(&o->package) || !read_part(o, i)) {
        o->damaged = true;
        return;
    }
    if (holds(buf_slice(&o->part), "encryption-data")) {
        refuse(o, SCRUB_ENCRYPTED);
    } else if (names_signature(buf_slice(&o->part))) {
        refuse(o, SCRUB_SIGNED);
    }
    filter_list(o, keep, &changed);
    if (changed) {
        package_replace(&o->package, i, buf_slice(&o->fresh));
    }
}

static bool is_signed(const struct package *p)
{
    return package_has(p, "_xmlsignatures/origin.sigs") ||
           package_has(p, "META-INF/documentsignatures.xml") ||
           package_has(p, "META-INF/macrosignatures.xml");
}

static enum scrub_end finish(struct office *o, struct buf *out)
{
    if (o->damaged || o->package.failed || o->part.full || o->fresh.full) {
        const char *why = o->package.why ? o->package.why : o->why;
        bool large = !why && (o->part.full || o->fresh.full);
        return scrub_refuse(o->what, large ? SCRUB_LARGE : why ? why : SCRUB_DAMAGED);
    }
    if (o->what->len && !package_write(&o->package, out)) {
        return SCRUB_CANNOT;
    }
    return scrub_end_with(o->what, o->stays ? slice_text(o->stays) : SLICE_NONE);
}

enum scrub_end scrub_office(struct slice bytes, size_t *spent, struct buf *out, struct buf *what)
{
    OWN(office)
    struct office o = {
        .what = what, .part.max = PART_MAX, .fresh.max = PART_MAX, .lost.max = WORD_MAX};

    if (!package_open(&o.package, bytes, spent)) {
        return scrub_refuse(what, o.package.why ? o.package.why : SCRUB_DAMAGED);
    }
    bool ooxml = package_has(&o.package, "[Content_Types].xml");
    bool odf =
        package_has(&o.package, "META-INF/manifest.xml") && package_has(&o.package, "content.xml");
    if (!ooxml && !odf) {
        return scrub_archive(&o.package, bytes, spent != NULL, out, what);
    }
    if (is_signed(&o.package)) {
        return scrub_refuse(what, SCRUB_SIGNED);
    }
    size_t n = package_count(&o.package);
    o.gone = arena_array(&o.package.arena, n + 1, sizeof(*o.gone));
    o.property = arena_array(&o.package.arena, n + 1, sizeof(*o.property));
    choose_parts(&o);
    follow_relationships(&o);
    if (ooxml) {
        clean_list(&o, "[Content_Types].xml", keep_type);
    } else {
        clean_list(&o, "META-INF/manifest.xml", keep_entry);
    }
    for (size_t i = 0; i < n && !o.damaged && !o.package.failed; i++) {
        if (!o.gone[i]) {
            clean_part(&o, i, package_name(&o.package, i));
        }
    }
    return finish(&o, out);
}
