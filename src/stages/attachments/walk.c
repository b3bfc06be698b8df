/* The tree of parts: read as inspection reads it, and written as it was but for what is replaced. */
#include "formats/mime/multipart.h"
#include "stages/attachments/internal.h"

#define STUB "Content-Type: text/plain; charset=us-ascii\r\n\r\n(" ATTACHMENTS_ARCHIVE ")\r\n"

/* Text that a mistake made part of a header would stay readable: lines that are no field, fields that parts do not
 * have, all of a part without the empty line. A letter's header is readable in any case. */
static const char *header_flaw(const struct entity *part)
{
    struct slice header = part->header;
    struct field field;

    while (field_next(&header, &field)) {
        if (field.name.len == 0) {
            return "a line of the header is no field";
        }
        if (!part->letter && field_fate(field.name) == FIELD_FLAW) {
            return "the header of a part has a field that parts do not have";
        }
    }
    bool ends = part->header.len == 0 || part->header.ptr + part->header.len < part->body.ptr;
    return ends || part->letter ? NULL : "the header of a part does not end";
}

static void read_fields(struct slice header, struct arena *arena, struct content_facts *facts)
{
    static const struct {
        struct slice name;
        void (*read)(struct slice value, struct arena *arena, struct content_facts *facts);
    } rows[] = {
        {SLICE_INIT("content-type"),              content_read_type       },
        {SLICE_INIT("content-disposition"),       content_read_disposition},
        {SLICE_INIT("content-transfer-encoding"), content_read_encoding   },
    };
    struct field field;
    unsigned seen = 0;

    while (field_next(&header, &field)) {
        for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            if (!slice_equal_nocase(field.name, rows[i].name)) {
                continue;
            }
            facts->repeated = facts->repeated || seen & 1u << i;
            seen |= 1u << i;
            if (field.value.len > FIELD_MAX) {
                facts->flaw = "a field of the part is too long";
                return;
            }
            rows[i].read(field.value, arena, facts);
        }
    }
}

static void read_entity(struct work *w, struct slice raw, const struct spot *spot,
                        struct arena *scratch, struct entity *out)
{
    (void)w;
    *out = (struct entity){.raw = raw, .letter = spot->letter};
    entity_split(raw, &out->header, &out->body);
    const char *flaw = header_flaw(out);
    if (out->header.len > HEADER_MAX) {
        out->facts.flaw = "the header of a part is too long";
    } else {
        read_fields(out->header, scratch, &out->facts);
    }
    if (flaw) {
        out->facts.flaw = flaw;
    }
    if (out->facts.type.len == 0) {
        out->facts.type = spot->digest ? SLICE("message/rfc822") : SLICE("text/plain");
    }
}

/* All before the body: the header, of a part what is about its content, and the empty line. */
static void write_before_body(struct work *w, const struct entity *part)
{
    if (part->letter) {
        buf_add(w->out, slice_head(part->raw, (size_t)(part->body.ptr - part->raw.ptr)));
    } else {
        write_part_header(w->out, part->header);
    }
}

/* ---- multiparts ---- */

/* Note where a further part can be added: before what closes the outermost multipart/mixed. */
static void mark_end(struct work *w, const struct entity *part, const struct spot *spot,
                     bool closed)
{
    if (spot->depth == 0 && slice_equal(part->facts.type, SLICE("multipart/mixed"))) {
        w->insert_at = w->out->len;
        w->insert_boundary = arena_copy(w->arena, part->facts.boundary);
        w->insert_closed = closed;
    }
}

/* Text before and behind the parts, which mail programs do not show, goes when the letter's text does. */
static void write_aside(struct work *w, struct slice text)
{
    if (w->wish->text_stays) {
        buf_add(w->out, text);
    }
}

static void write_parts(struct work *w, const struct entity *part, const struct spot *spot,
                        struct slice dashed)
{
    struct delimiter d = multipart_delimiter(part->body, dashed, 0);
    const struct spot inside = {
        .depth = spot->depth + 1,
        .digest = slice_equal(part->facts.type, SLICE("multipart/digest")),
    };
    struct slice opening = slice_head(slice_from(part->body, d.begin), d.end - d.begin);
    size_t written = 0;

    write_aside(w, slice_head(part->body, d.begin));
    while (d.found && !d.closes && !w->failed) {
        struct delimiter next = multipart_delimiter(part->body, dashed, d.end);
        size_t end = next.begin > d.end ? next.begin : d.end;
        size_t before = w->out->len;
        buf_add(w->out, slice_head(slice_from(part->body, d.begin), d.end - d.begin));
        if (walk_entity(w, slice_head(slice_from(part->body, d.end), end - d.end), &inside) ==
            GONE) {
            w->out->len = before;
        } else {
            written++;
        }
        d = next;
    }
    if (written == 0) { /* a multipart has at least one part */
        buf_add(w->out, opening);
        buf_add_text(w->out, STUB);
    }
    mark_end(w, part, spot, d.found);
    if (d.found) {
        buf_add(w->out, slice_head(slice_from(part->body, d.begin), d.end - d.begin));
        write_aside(w, slice_from(part->body, d.end));
    }
}

static enum fate rewrite_multipart(struct work *w, const struct entity *part,
                                   const struct spot *spot, struct arena *scratch)
{
    struct slice dashed = arena_printf(scratch, "--%.*s", SLICE_ARG(part->facts.boundary));

    if (slice_equal(part->facts.type, SLICE("multipart/encrypted"))) {
        if (!leaf_is_encrypted(part)) {
            return leaf_keep_whole(w, part, "message that says it is encrypted");
        }
        work_say(w, SLICE("message"), "encrypted by its sender, as it came");
        w->n_encrypted++;
        buf_add(w->out, part->raw);
        return WRITTEN;
    }
    if (slice_equal(part->facts.type, SLICE("multipart/signed"))) {
        return leaf_keep_whole(w, part, "signed message");
    }
    if (part->facts.boundary.len == 0 || !multipart_delimiter(part->body, dashed, 0).found) {
        return leaf_keep_whole(w, part, "message without parts");
    }
    write_before_body(w, part);
    write_parts(w, part, spot, dashed);
    return WRITTEN;
}

/* A letter within: gone through where it stands, or kept whole when texts are to be hidden, or when it is
 * encoded, which no standard allows. */
static enum fate rewrite_letter(struct work *w, const struct entity *part, const struct spot *spot)
{
    const struct spot inside = {.depth = spot->depth + 1, .letter = true};
    struct slice encoding = part->facts.encoding;
    bool plain = encoding.len == 0 || slice_equal(encoding, SLICE("7bit")) ||
                 slice_equal(encoding, SLICE("8bit")) || slice_equal(encoding, SLICE("binary"));

    if (!w->wish->text_stays || !plain) {
        return leaf_rewrite(w, part);
    }
    write_before_body(w, part);
    if (walk_entity(w, part->body, &inside) == GONE) {
        struct entity within;
        OWN(arena) struct arena scratch = {.max = 16u << 20};
        read_entity(w, part->body, &inside, &scratch, &within);
        write_fields(w->out, within.header, false);
        buf_add_text(w->out, STUB);
    }
    return WRITTEN;
}

/* The depth of recursion is that of the letter's parts, which DEPTH_MAX bounds. */
enum fate walk_entity(struct work *w, struct slice raw, const struct spot *spot)
{
    OWN(arena) struct arena scratch = {.max = 16u << 20};
    struct entity part;

    if (w->parts++ == PARTS_MAX) {
        work_fail(w, ERROR_INPUT, "it has too many parts");
        return GONE;
    }
    read_entity(w, raw, spot, &scratch, &part);
    bool multipart = slice_starts(part.facts.type, SLICE("multipart/"));
    bool letter = slice_equal(part.facts.type, SLICE("message/rfc822")) ||
                  slice_equal(part.facts.type, SLICE("message/global"));
    if (part.facts.flaw) {
        return leaf_keep_whole(w, &part, "part with a doubtful header");
    }
    if (part.facts.repeated) {
        return leaf_keep_whole(w, &part, "part that says twice what it is");
    }
    if ((multipart || letter) && spot->depth == DEPTH_MAX) {
        return leaf_keep_whole(w, &part, "message within too many others");
    }
    if (multipart) {
        return rewrite_multipart(w, &part, spot, &scratch);
    }
    return letter ? rewrite_letter(w, &part, spot) : leaf_rewrite(w, &part);
}
