#include "stages/inspection/inspection.h"

#include "base/clock.h"

#include "formats/mime/multipart.h"
#include "stages/inspection/reading.h"

#define SCRATCH_MAX (16u << 20) /* what one header's fields are decoded into, several times over */

/* ---- headers ---- */

struct field_row {
    const char *name;
    enum text_field field; /* where its words go when it is the letter's own */
    void (*read)(struct slice value, struct arena *arena, struct content_facts *facts);
};

static const struct field_row field_rows[] = {
    {"subject",                   TEXT_SUBJECT, NULL                    },
    {"from",                      TEXT_FROM,    NULL                    },
    {"sender",                    TEXT_FROM,    NULL                    },
    {"reply-to",                  TEXT_FROM,    NULL                    },
    {"to",                        TEXT_TO,      NULL                    },
    {"cc",                        TEXT_CC,      NULL                    },
    {"bcc",                       TEXT_TO,      NULL                    },
    {"content-type",              0,            content_read_type       },
    {"content-disposition",       0,            content_read_disposition},
    {"content-transfer-encoding", 0,            content_read_encoding   },
};

#define FIELD_ROWS (sizeof(field_rows) / sizeof(field_rows[0]))

static size_t field_row_of(struct slice name)
{
    size_t i = 0;

    while (i < FIELD_ROWS && !slice_equal_nocase(name, slice_text(field_rows[i].name))) {
        i++;
    }
    return i;
}

/* Of a field about the content that occurs twice, the first counts, as it does for most readers. */
static void read_field(struct reading *r, const struct field *field, const struct place *place,
                       struct arena *scratch, unsigned *seen, struct content_facts *facts)
{
    size_t i = field_row_of(field->name);

    if (field->name.len == 0) {
        reading_text(r, TEXT_BODY,
                     field->value); /* not a field: somebody may have hidden text here */
    } else if (i == FIELD_ROWS) {
        return;
    } else if (field->value.len > INSPECTION_FIELD_MAX) {
        reading_note(r, GAP_FIELD);
    } else if (field_rows[i].read) {
        facts->repeated = facts->repeated || *seen & 1u << i;
        if (!(*seen & 1u << i)) {
            field_rows[i].read(field->value, scratch, facts);
        }
        *seen |= 1u << i;
    } else if (place->is_letter) {
        /* An embedded letter's words are words of the body around it. */
        reading_text(r, place->depth ? TEXT_BODY : field_rows[i].field,
                     header_text(field->value, scratch));
    }
}

static void read_header(struct reading *r, struct slice header, const struct place *place,
                        struct arena *scratch, struct content_facts *facts)
{
    struct field field;
    unsigned seen = 0;

    if (header.len > INSPECTION_HEADER_MAX) {
        reading_note(r, GAP_HEADER);
        header = slice_head(header, INSPECTION_HEADER_MAX);
    }
    while (field_next(&header, &field)) {
        read_field(r, &field, place, scratch, &seen, facts);
    }
    if (facts->type.len == 0) {
        facts->type = place->type;
    }
    if (facts->repeated) {
        reading_note(r, GAP_REPEATED);
    }
}

/* ---- containers ---- */

static void read_multipart(struct reading *r, size_t part, const struct content_facts *facts,
                           struct slice body, const struct place *place, struct arena *scratch)
{
    struct slice dashed = arena_printf(scratch, "--%.*s", SLICE_ARG(facts->boundary));
    /* -fanalyzer: it takes what a function of another file returns for unset */
    struct delimiter d = multipart_delimiter(body, dashed, 0);
    size_t sibling = NOWHERE;
    bool digest = slice_equal(facts->type, SLICE("multipart/digest"));
    const struct place inside = {
        .depth = place->depth + 1,
        .encrypted = place->encrypted || slice_equal(facts->type, SLICE("multipart/encrypted")),
        .type = digest ? SLICE("message/rfc822") : SLICE("text/plain"),
        .sibling = slice_equal(facts->type, SLICE("multipart/alternative")) ? &sibling : NULL,
    };

    if (facts->boundary.len == 0 || !d.found) {
        reading_conclude(r, part, PART_UNREADABLE, "its parts are not marked by a boundary");
        reading_body(r, body, &inside);
        return;
    }
    reading_text(r, TEXT_BODY, slice_head(body, d.begin)); /* readers hide it, search does not */
    while (d.found && !d.closes && !(r->gaps & 1u << GAP_PARTS)) {
        struct delimiter next = multipart_delimiter(body, dashed, d.end);
        size_t end = next.begin > d.end ? next.begin : d.end;
        reading_walk(r, slice_head(slice_from(body, d.end), end - d.end), &inside);
        d = next;
    }
    if (d.found) {
        reading_text(r, TEXT_BODY, slice_from(body, d.end));
    }
}

static void read_embedded(struct reading *r, size_t part, const struct content_facts *facts,
                          struct slice body, const struct place *place)
{
    OWN(buf) struct buf space = {.max = INSPECTION_TEXT_MAX};
    const struct place inside = {
        .depth = place->depth + 1,
        .is_letter = true,
        .encrypted = place->encrypted,
        .type = SLICE("text/plain"),
    };

    if (!transfer_decode(body, facts->encoding, &space, &body)) {
        reading_conclude(r, part, PART_UNREADABLE, "its transfer encoding is unknown");
        return;
    }
    if (space.full) {
        reading_note(r, GAP_TEXT);
    }
    reading_walk(r, body, &inside);
}

static bool is_embedded(struct slice type)
{
    return slice_equal(type, SLICE("message/rfc822")) ||
           slice_equal(type, SLICE("message/global")) || slice_equal(type, SLICE("message/news"));
}

/* The depth of recursion is that of the letter's parts, which INSPECTION_DEPTH_MAX bounds. */
void reading_walk(struct reading *r, struct slice entity, const struct place *place)
{
    OWN(arena) struct arena scratch = {.max = SCRATCH_MAX};
    struct content_facts facts = {0};
    struct slice header;
    struct slice body;

    if (r->n_parts == FINDINGS_PARTS_MAX) {
        reading_note(r, GAP_PARTS);
        return;
    }
    entity_split(entity, &header, &body);
    read_header(r, header, place, &scratch, &facts);
    reading_text(r, TEXT_NAMES, facts.name);
    size_t part = reading_part(r, &facts, place->depth, body.len);
    bool multipart = slice_starts(facts.type, SLICE("multipart/"));
    bool container = !facts.flaw && (multipart || is_embedded(facts.type));

    if (container && place->depth == INSPECTION_DEPTH_MAX) {
        reading_conclude(r, part, PART_UNREADABLE, "nested too deeply");
        reading_note(r, GAP_DEPTH);
    } else if (container && multipart) {
        read_multipart(r, part, &facts, body, place, &scratch);
    } else if (container) {
        read_embedded(r, part, &facts, body, place);
    } else {
        reading_leaf(r, part, &facts, body, place);
    }
}

void inspection_read(struct slice letter, bool shallow, struct arena *arena,
                     struct findings *findings, struct text_list *terms)
{
    struct reading r = {
        .arena = arena,
        .terms = terms,
        .shallow = shallow,
        .until_ms = clock_processor_ms() + INSPECTION_DOCUMENTS_MS,
    };
    const struct place outermost = {.is_letter = true, .type = SLICE("text/plain")};

    buf_init(&r.decoded, INSPECTION_TEXT_MAX);
    buf_init(&r.converted, INSPECTION_TEXT_MAX);
    buf_init(&r.text, INSPECTION_TEXT_MAX);
    reading_walk(&r, letter, &outermost);
    *findings = (struct findings){
        .parts = {r.parts, r.n_parts},
        .terms = terms->count,
    };
    reading_detected(&r, findings);
    reading_linked(&r, findings);
    reading_gaps(&r, findings);
    buf_done(&r.decoded);
    buf_done(&r.converted);
    buf_done(&r.text);
}

void inspection_init(void)
{
    mime_init();
}
