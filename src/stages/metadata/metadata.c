#include "stages/metadata/metadata.h"

#include <openssl/evp.h>

#include "formats/mime/decode.h"
#include "formats/mime/header.h"
#include "formats/mime/multipart.h"
#include "formats/mime/within.h"
#include "formats/scrub/scrub.h"
#include "letter/records.h"

#define DEPTH_MAX  50
#define PARTS_MAX  10000
#define HEADER_MAX ((size_t)1 << 20) /* bytes of a header, and of a field that is read */
#define FIELD_MAX  ((size_t)64 << 10)
#define NAME_SHOWN 120
#define WHAT_MAX   300
#define LINE_BYTES 57 /* that make 76 characters of base64 */

struct work {
    struct arena *arena;
    struct buf *out;
    struct slice *texts;
    size_t n_texts;
    size_t parts;
    size_t unpacked; /* by scrub_file_of_letter() */
    struct slice left;
    bool changed;
};

/* Where in the tree a part stands. */
struct spot {
    unsigned depth;
    bool letter;        /* it is one itself */
    bool digest;        /* parts without a type are letters */
    const char *frozen; /* why nothing in it may change; NULL: it may */
};

#define SIGNED "stays as it is, for its sender signed it: "

/* One part, read. */
struct entity {
    struct slice raw;
    struct slice header;
    struct slice body;
    struct content_facts facts;
    bool proven; /* a server has signed it: DKIM or ARC */
};

/* ---- what is said ---- */

static struct slice say(struct work *w, struct slice name, const char *what, struct slice detail)
{
    struct slice text = arena_printf(
        w->arena, "%.*s: %s%.*s", SLICE_ARG(slice_head(name, NAME_SHOWN)), what, SLICE_ARG(detail));

    text = letter_text(w->arena, text, METADATA_TEXT_MAX);
    if (w->n_texts < METADATA_TEXTS_MAX) {
        w->texts[w->n_texts++] = text;
    } else if (w->n_texts == METADATA_TEXTS_MAX) {
        w->texts[w->n_texts++] = SLICE("and further files");
    }
    return text;
}

static void say_left(struct work *w, struct slice name, const char *why, struct slice detail)
{
    struct slice text = say(w, name, why, detail);

    w->left = w->left.len ? w->left : text;
}

static struct slice name_of(const struct entity *part)
{
    return part->facts.name.len ? part->facts.name : part->facts.type;
}

/* ---- reading ---- */

static void read_field(const struct field *field, unsigned *seen, struct arena *arena,
                       struct content_facts *facts)
{
    static const struct {
        struct slice name;
        void (*read)(struct slice value, struct arena *arena, struct content_facts *facts);
    } rows[] = {
        {SLICE_INIT("content-type"),              content_read_type       },
        {SLICE_INIT("content-disposition"),       content_read_disposition},
        {SLICE_INIT("content-transfer-encoding"), content_read_encoding   },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!slice_equal_nocase(field->name, rows[i].name)) {
            continue;
        }
        facts->repeated = facts->repeated || *seen & 1u << i;
        *seen |= 1u << i;
        if (field->value.len > FIELD_MAX) {
            facts->flaw = "a field of the part is too long";
        } else {
            rows[i].read(field->value, arena, facts);
        }
    }
}

static void read_entity(struct slice raw, const struct spot *spot, struct arena *scratch,
                        struct entity *out)
{
    struct field field;
    unsigned seen = 0;

    *out = (struct entity){.raw = raw};
    entity_split(raw, &out->header, &out->body);
    struct slice rest = out->header;
    if (rest.len > HEADER_MAX) {
        out->facts.flaw = "the header of a part is too long";
        rest = SLICE_NONE;
    }
    while (!out->facts.flaw && field_next(&rest, &field)) {
        read_field(&field, &seen, scratch, &out->facts);
        out->proven = out->proven || slice_equal_nocase(field.name, SLICE("dkim-signature")) ||
                      slice_equal_nocase(field.name, SLICE("arc-seal"));
    }
    if (out->facts.repeated) {
        out->facts.flaw = "it says twice what it is";
    }
    if (out->facts.type.len == 0) {
        out->facts.type = spot->digest ? SLICE("message/rfc822") : SLICE("text/plain");
    }
}

/* ---- files ---- */

static void write_base64(struct buf *out, struct slice bytes)
{
    uint8_t line[80];

    for (size_t at = 0; at < bytes.len; at += LINE_BYTES) {
        struct slice piece = slice_head(slice_from(bytes, at), LINE_BYTES);
        int len = EVP_EncodeBlock(line, piece.ptr, (int)piece.len);
        buf_add_text(out, at ? "\r\n" : "");
        buf_add(out, slice_of(line, (size_t)len));
    }
}

/* The header as it was, but for the transfer encoding and a checksum that does not hold any more. */
static void write_header(struct buf *out, struct slice header)
{
    struct field field;
    struct slice before = header;

    while (field_next(&header, &field)) {
        struct slice raw = slice_head(before, before.len - header.len);
        if (!slice_equal_nocase(field.name, SLICE("content-transfer-encoding")) &&
            !slice_equal_nocase(field.name, SLICE("content-md5"))) {
            buf_add(out, raw);
        }
        before = header;
    }
    buf_add_text(out, "Content-Transfer-Encoding: base64\r\n\r\n");
}

static void write_cleaned(struct work *w, const struct entity *part, struct slice cleaned)
{
    bool ended = part->raw.len && part->raw.ptr[part->raw.len - 1] == '\n';

    write_header(w->out, part->header);
    write_base64(w->out, cleaned);
    buf_add_text(w->out, ended ? "\r\n" : "");
    w->changed = true;
}

static bool is_words(const struct content_facts *facts)
{
    return slice_equal(facts->type, SLICE("text/plain")) ||
           slice_equal(facts->type, SLICE("text/html")) ||
           slice_equal(facts->type, SLICE("text/calendar"));
}

/* What is for reading and not encoded is no file of a kind that says who made it; what is attached or has a name may be one,
 * whatever it is said to be. */
static bool is_plain(const struct content_facts *facts)
{
    return is_words(facts) && !slice_equal(facts->encoding, SLICE("base64")) &&
           facts->name.len == 0 && facts->disposition != CONTENT_ATTACHMENT;
}

static void clean_file(struct work *w, const struct entity *part, const char *frozen)
{
    OWN(buf) struct buf space = {.max = LETTER_BYTES_MAX};
    OWN(buf) struct buf cleaned = {.max = 2 * SCRUB_FILE_MAX};
    OWN(buf) struct buf what = {.max = WHAT_MAX};
    struct slice bytes = SLICE_NONE;
    enum scrub_end end = SCRUB_NOTHING;

    bool plain = is_plain(&part->facts);
    bool known = transfer_decode(part->body, part->facts.encoding, &space, &bytes) && !space.full;
    if (!plain && !known) {
        say_left(w, name_of(part), "stays as it is: its encoding is unknown", SLICE(""));
    } else if (!plain) {
        end = scrub_file_of_letter(bytes, &w->unpacked, &cleaned, &what);
    }
    if (known && is_words(&part->facts) && text_holds_file(bytes)) {
        say_left(w, name_of(part), "stays as it is: a file stands within the text", SLICE(""));
    }
    if (end == SCRUB_CANNOT) {
        say_left(w, name_of(part), "stays as it is: ", buf_slice(&what));
    }
    bool made = end == SCRUB_CLEANED || end == SCRUB_PARTLY;
    if (made && frozen) {
        say_left(w, name_of(part), frozen, buf_slice(&what));
    } else if (end == SCRUB_PARTLY) {
        say_left(w, name_of(part), "taken out, but not all: ", buf_slice(&what));
    } else if (made) {
        (void)say(w, name_of(part), "taken out: ", buf_slice(&what));
    }
    if (made && !frozen) {
        write_cleaned(w, part, buf_slice(&cleaned));
    } else {
        buf_add(w->out, part->raw);
    }
}

/* ---- the tree ---- */

static void walk(struct work *w, struct slice raw, const struct spot *spot);

/* Whether one of the parts is a signature over what stands beside it. */
static bool has_signature(const struct entity *part, struct slice dashed, const struct spot *inside)
{
    struct delimiter d = multipart_delimiter(part->body, dashed, 0);
    bool found = false;

    while (d.found && !d.closes && !found) {
        OWN(arena) struct arena scratch = {.max = 16u << 20};
        struct delimiter next = multipart_delimiter(part->body, dashed, d.end);
        size_t end = next.begin > d.end ? next.begin : d.end;
        struct entity one;
        read_entity(slice_head(slice_from(part->body, d.end), end - d.end), inside, &scratch, &one);
        found = slice_equal(one.facts.type, SLICE("application/pgp-signature")) ||
                slice_equal(one.facts.type, SLICE("application/pkcs7-signature")) ||
                slice_equal(one.facts.type, SLICE("application/x-pkcs7-signature"));
        d = next;
    }
    return found;
}

static void walk_parts(struct work *w, const struct entity *part, struct spot *inside,
                       struct arena *scratch)
{
    struct slice dashed = arena_printf(scratch, "--%.*s", SLICE_ARG(part->facts.boundary));
    struct delimiter d = multipart_delimiter(part->body, dashed, 0);

    if (part->facts.boundary.len == 0 || !d.found) {
        say_left(w, name_of(part), "stays as it is: it has no parts", SLICE(""));
        buf_add(w->out, part->raw);
        return;
    }
    if (!inside->frozen && has_signature(part, dashed, inside)) {
        inside->frozen = SIGNED;
    }
    size_t begin = d.begin;
    buf_add(w->out, slice_head(part->raw, (size_t)(part->body.ptr - part->raw.ptr) + d.begin));
    while (d.found && !d.closes) {
        struct delimiter next = multipart_delimiter(part->body, dashed, d.end);
        size_t end = next.begin > d.end ? next.begin : d.end;
        buf_add(w->out, slice_head(slice_from(part->body, begin), d.end - begin));
        walk(w, slice_head(slice_from(part->body, d.end), end - d.end), inside);
        begin = end; /* a line's end may be the next delimiter's beginning: it stands there once */
        d = next;
    }
    if (d.found) {
        buf_add(w->out, slice_from(part->body, begin));
    }
}

static bool is_letter(const struct entity *part)
{
    return slice_equal(part->facts.type, SLICE("message/rfc822")) ||
           slice_equal(part->facts.type, SLICE("message/global"));
}

/* A letter within is gone through where it stands; one that is encoded, which no standard allows, is not. */
static void walk_letter(struct work *w, const struct entity *part, const struct spot *inside)
{
    struct slice encoding = part->facts.encoding;
    bool plain = encoding.len == 0 || slice_equal(encoding, SLICE("7bit")) ||
                 slice_equal(encoding, SLICE("8bit")) || slice_equal(encoding, SLICE("binary"));

    if (!plain) {
        say_left(w, name_of(part), "stays as it is: a letter within is encoded", SLICE(""));
        buf_add(w->out, part->raw);
        return;
    }
    buf_add(w->out, slice_head(part->raw, (size_t)(part->body.ptr - part->raw.ptr)));
    walk(w, part->body, inside);
}

/* Why nothing can be changed or looked at in a part, or NULL. */
static const char *closed(const struct entity *part)
{
    static const struct {
        const char *type;
        const char *why;
    } rows[] = {
        {"multipart/encrypted",      "stays as it is: its sender encrypted it"          },
        {"application/pkcs7-mime",   "stays as it is: its sender encrypted or signed it"},
        {"application/x-pkcs7-mime", "stays as it is: its sender encrypted or signed it"},
        {"message/partial",          "stays as it is: it is a part of a letter"         },
        {"application/ms-tnef",      "stays as it is: winmail.dat is not opened"        },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (slice_equal(part->facts.type, slice_text(rows[i].type))) {
            return rows[i].why;
        }
    }
    return NULL;
}

static const char *frozen_in(const struct entity *part, const struct spot *spot)
{
    if (spot->frozen) {
        return spot->frozen;
    }
    if (slice_equal(part->facts.type, SLICE("multipart/signed"))) {
        return SIGNED;
    }
    return spot->letter && part->proven ? "stays as it is, for a server signed it (DKIM): " : NULL;
}

/* The depth of recursion is that of the letter's parts, which DEPTH_MAX bounds. */
static void walk(struct work *w, struct slice raw, const struct spot *spot)
{
    OWN(arena) struct arena scratch = {.max = 16u << 20};
    struct entity part;

    read_entity(raw, spot, &scratch, &part);
    bool multipart = slice_starts(part.facts.type, SLICE("multipart/"));
    const char *why = closed(&part);
    struct spot inside = {
        .depth = spot->depth + 1,
        .letter = is_letter(&part),
        .digest = slice_equal(part.facts.type, SLICE("multipart/digest")),
        .frozen = frozen_in(&part, spot),
    };
    if (++w->parts > PARTS_MAX || ((multipart || inside.letter) && spot->depth == DEPTH_MAX)) {
        why = "stays as it is: the letter has too many parts";
    }
    if (part.facts.flaw) {
        why = "stays as it is: its header could be read in two ways";
    }
    if (why) {
        say_left(w, name_of(&part), why, SLICE(""));
        buf_add(w->out, raw);
    } else if (multipart) {
        walk_parts(w, &part, &inside, &scratch);
    } else if (inside.letter) {
        walk_letter(w, &part, &inside);
    } else {
        clean_file(w, &part, inside.frozen);
    }
}

bool metadata_clean(struct slice letter, struct arena *arena, struct buf *letter_out,
                    struct metadata_cleaned *out, struct error *e)
{
    const struct spot outermost = {.letter = true};
    struct work w = {.arena = arena, .out = letter_out};

    w.texts = arena_array(arena, METADATA_TEXTS_MAX + 1, sizeof(*w.texts));
    walk(&w, letter, &outermost);
    *out = (struct metadata_cleaned){
        {w.texts, w.n_texts},
        w.left, w.changed
    };
    if (letter_out->full) {
        return error_set(e, ERROR_LIMIT, "the cleaned letter is too large");
    }
    return true;
}
