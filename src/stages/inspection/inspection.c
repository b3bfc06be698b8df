#include "stages/inspection/inspection.h"

#include <gmime/gmime.h>

#include "formats/text/html.h"
#include "letter/records.h"
#include "stages/inspection/internal.h"

#define SCRATCH_MAX (16u << 20) /* what one header's fields are decoded into, several times over */
#define TEXTS_MAX   (2u << 20)  /* bytes of names and types in the findings of one letter */
#define NOWHERE     SIZE_MAX

enum gap {
    GAP_DEPTH,
    GAP_PARTS,
    GAP_HEADER,
    GAP_FIELD,
    GAP_TEXT,
    GAP_TERMS,
    GAP_NAMES,
    GAP_REPEATED,
    GAPS,
};

static const struct slice gap_sentences[GAPS] = {
    [GAP_DEPTH] = SLICE_INIT("Parts are nested more than 50 deep; what lies deeper was not read."),
    [GAP_PARTS] = SLICE_INIT("There are more than 10000 parts; those behind were not read."),
    [GAP_HEADER] = SLICE_INIT("A header is longer than 1 MiB; its end was not read."),
    [GAP_FIELD] = SLICE_INIT("A header field is longer than 64 KiB and was not read."),
    [GAP_TEXT] = SLICE_INIT("The text of a part is longer than 32 MiB; its end was not read."),
    [GAP_TERMS] = SLICE_INIT("There are more words than the index takes; the last are missing."),
    [GAP_NAMES] = SLICE_INIT("The names of the parts are too long together; some are left out."),
    [GAP_REPEATED] =
        SLICE_INIT("A part says twice what it is; programs differ in which they show."),
};

/* One letter while it is read. */
struct reading {
    struct arena *arena; /* for what goes into the findings */
    struct text_list *terms;
    struct part *parts;
    size_t n_parts;
    size_t room_parts;
    size_t texts; /* bytes of names and types so far */
    unsigned gaps;
    struct buf decoded;
    struct buf converted;
    struct buf text;
};

/* Where in the tree an entity stands. */
struct place {
    unsigned depth;
    bool is_letter;    /* its header is that of a letter, outermost or embedded */
    bool encrypted;    /* it is inside multipart/encrypted */
    struct slice type; /* when it has no Content-Type of its own */
    size_t *sibling;   /* in multipart/alternative: where the terms of the text before it begin */
};

static void walk(struct reading *r, struct slice entity, const struct place *place);

static void note(struct reading *r, enum gap gap)
{
    r->gaps |= 1u << gap;
}

static void add_text(struct reading *r, enum text_field field, struct slice text)
{
    text_list_add(r->terms, field, text);
    if (r->terms->cut) {
        note(r, GAP_TERMS);
    }
}

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
    {"cc",                        TEXT_TO,      NULL                    },
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
        add_text(r, TEXT_BODY, field->value); /* not a field: somebody may have hidden text here */
    } else if (i == FIELD_ROWS) {
        return;
    } else if (field->value.len > INSPECTION_FIELD_MAX) {
        note(r, GAP_FIELD);
    } else if (field_rows[i].read) {
        facts->repeated = facts->repeated || *seen & 1u << i;
        if (!(*seen & 1u << i)) {
            field_rows[i].read(field->value, scratch, facts);
        }
        *seen |= 1u << i;
    } else if (place->is_letter) {
        /* An embedded letter's words are words of the body around it. */
        add_text(r, place->depth ? TEXT_BODY : field_rows[i].field,
                 header_text(field->value, scratch));
    }
}

static void read_header(struct reading *r, struct slice header, const struct place *place,
                        struct arena *scratch, struct content_facts *facts)
{
    struct field field;
    unsigned seen = 0;

    if (header.len > INSPECTION_HEADER_MAX) {
        note(r, GAP_HEADER);
        header = slice_head(header, INSPECTION_HEADER_MAX);
    }
    while (field_next(&header, &field)) {
        read_field(r, &field, place, scratch, &seen, facts);
    }
    if (facts->type.len == 0) {
        facts->type = place->type;
    }
    if (facts->repeated) {
        note(r, GAP_REPEATED);
    }
}

/* ---- the list of parts ---- */

static struct slice listed_text(struct reading *r, struct slice text)
{
    if (text.len == 0) {
        return SLICE_NONE;
    }
    struct slice copy = letter_text(r->arena, text, FINDINGS_TEXT_MAX);
    if (copy.len > TEXTS_MAX - r->texts) {
        note(r, GAP_NAMES);
        return SLICE_NONE;
    }
    r->texts += copy.len;
    return copy;
}

/* List a part and return its index. */
static size_t add_part(struct reading *r, const struct content_facts *facts, unsigned depth,
                       size_t size)
{
    if (r->n_parts == r->room_parts) {
        size_t room = r->room_parts ? 2 * r->room_parts : 16;
        struct part *moved = arena_array(r->arena, room, sizeof(*moved));
        if (r->n_parts) {
            (void)memcpy(moved, r->parts, r->n_parts * sizeof(*moved));
        }
        r->parts = moved;
        r->room_parts = room;
    }
    r->parts[r->n_parts] = (struct part){
        .depth = depth,
        .type = listed_text(r, facts->type),
        .name = listed_text(r, facts->name),
        .charset = listed_text(r, facts->charset),
        .disposition = facts->disposition,
        .size = size,
        .reading = PART_CONTAINER,
    };
    return r->n_parts++;
}

static void conclude(struct reading *r, size_t part, enum part_reading reading, const char *reason)
{
    r->parts[part].reading = reading;
    r->parts[part].reason = slice_text(reason);
}

/* ---- leaves ---- */

static const struct kind {
    struct slice type; /* or its beginning, when it ends in "/" */
    enum part_reading reading;
    const char *reason;
} kinds[] = {
    {SLICE_INIT("text/html"),                        PART_HTML,       NULL                        },
    {SLICE_INIT("application/xhtml+xml"),            PART_HTML,       NULL                        },
    {SLICE_INIT("text/rtf"),                         PART_SKIPPED,    "rich text is not read"     },
    {SLICE_INIT("text/"),                            PART_TEXT,       NULL                        },
    {SLICE_INIT("message/delivery-status"),          PART_TEXT,       NULL                        },
    {SLICE_INIT("message/global-delivery-status"),   PART_TEXT,       NULL                        },
    {SLICE_INIT("message/disposition-notification"), PART_TEXT,       NULL                        },
    {SLICE_INIT("message/feedback-report"),          PART_TEXT,       NULL                        },
    {SLICE_INIT("message/partial"),                  PART_UNREADABLE, "a fragment of a letter"    },
    {SLICE_INIT("message/external-body"),            PART_UNREADABLE, "its content lies elsewhere"},
    {SLICE_INIT("application/json"),                 PART_TEXT,       NULL                        },
    {SLICE_INIT("application/xml"),                  PART_HTML,       NULL                        },
    {SLICE_INIT("application/pgp-signature"),        PART_SKIPPED,    "a signature"               },
    {SLICE_INIT("application/pkcs7-signature"),      PART_SKIPPED,    "a signature"               },
    {SLICE_INIT("application/x-pkcs7-signature"),    PART_SKIPPED,    "a signature"               },
    {SLICE_INIT("application/pgp-encrypted"),        PART_UNREADABLE, "encrypted"                 },
    {SLICE_INIT("application/ms-tnef"),              PART_UNREADABLE, "a container of Outlook"    },
    {SLICE_INIT("image/"),                           PART_SKIPPED,    "an image"                  },
    {SLICE_INIT("audio/"),                           PART_SKIPPED,    "a sound"                   },
    {SLICE_INIT("video/"),                           PART_SKIPPED,    "a film"                    },
    {SLICE_INIT("font/"),                            PART_SKIPPED,    "a font"                    },
    {SLICE_INIT(""),                                 PART_SKIPPED,    "not a text"                },
};

static const struct kind *kind_of(struct slice type)
{
    const struct kind *k = kinds;

    while (k->type.len) {
        bool begins = k->type.ptr[k->type.len - 1] == '/';
        if (begins ? slice_starts(type, k->type) : slice_equal(type, k->type)) {
            return k;
        }
        k++;
    }
    return k;
}

/* Many letters carry their text twice, as text and as HTML. When the words are the same they go
 * into the index once. */
static void add_body(struct reading *r, struct slice text, const struct place *place)
{
    size_t start = r->terms->fields[TEXT_BODY].len;

    add_text(r, TEXT_BODY, text);
    if (!place->sibling) {
        return;
    }
    if (*place->sibling == NOWHERE ||
        !text_list_drop_repeat(r->terms, TEXT_BODY, *place->sibling, start)) {
        *place->sibling = start;
    }
}

static void read_text(struct reading *r, size_t part, const struct content_facts *facts,
                      struct slice body, const struct place *place)
{
    struct slice text = SLICE_NONE;
    enum part_reading how = kind_of(facts->type)->reading;

    if (!transfer_decode(body, facts->encoding, &r->decoded, &text)) {
        conclude(r, part, PART_UNREADABLE, "its transfer encoding is unknown");
        return;
    }
    bool known = charset_decode(text, facts->charset, &r->converted, &text);
    bool full = r->decoded.full || r->converted.full;
    if (how == PART_HTML) {
        buf_reset(&r->text);
        text_from_html(text, &r->text);
        text = buf_slice(&r->text);
        full = full || r->text.full;
    }
    if (full) {
        note(r, GAP_TEXT);
    }
    add_body(r, text, place);
    conclude(r, part, how, NULL);
    if (!known) {
        conclude(r, part, PART_UNREADABLE,
                 "its character set is unknown: only words in ASCII were read");
    }
}

static bool is_smime(struct slice type)
{
    return slice_equal(type, SLICE("application/pkcs7-mime")) ||
           slice_equal(type, SLICE("application/x-pkcs7-mime"));
}

static void read_leaf(struct reading *r, size_t part, const struct content_facts *facts,
                      struct slice body, const struct place *place)
{
    const struct kind *kind = kind_of(facts->type);

    if (facts->flaw) {
        conclude(r, part, PART_UNREADABLE, facts->flaw);
    } else if (place->encrypted) {
        conclude(r, part, PART_UNREADABLE, "encrypted");
    } else if (is_smime(facts->type)) {
        bool opaque = slice_equal(facts->smime_type, SLICE("signed-data"));
        conclude(r, part, PART_UNREADABLE, opaque ? "inside an S/MIME signature" : "encrypted");
    } else if (kind->reading == PART_TEXT || kind->reading == PART_HTML) {
        read_text(r, part, facts, body, place);
    } else {
        conclude(r, part, kind->reading, kind->reason);
    }
}

/* ---- containers ---- */

struct delimiter {
    size_t begin; /* of the line end that belongs to it (RFC 2046 section 5.1.1) */
    size_t end;   /* where the next part begins */
    bool closes;
    bool found;
};

/* What follows a candidate on its line decides: "--" or not, then nothing but white space. */
static bool is_delimiter(struct slice behind, struct delimiter *d)
{
    size_t end = slice_find(behind, '\n');
    struct slice tail = slice_head(behind, end);

    d->closes = slice_starts(tail, SLICE("--"));
    tail = slice_from(tail, d->closes ? 2 : 0);
    if (tail.len && tail.ptr[tail.len - 1] == '\r') {
        tail.len--;
    }
    d->end = end < behind.len ? end + 1 : end;
    return slice_trim(tail).len == 0;
}

/* Find the next delimiter line at or behind `from`; `dashed` is "--" and the boundary. */
static struct delimiter find_delimiter(struct slice body, struct slice dashed, size_t from)
{
    struct delimiter d = {.begin = body.len, .end = body.len};

    while (from < body.len) {
        const uint8_t *hit = memmem(body.ptr + from, body.len - from, dashed.ptr, dashed.len);
        if (!hit) {
            break;
        }
        size_t at = (size_t)(hit - body.ptr);
        if ((at == 0 || body.ptr[at - 1] == '\n') &&
            is_delimiter(slice_from(body, at + dashed.len), &d)) {
            d.found = true;
            d.end += at + dashed.len;
            d.begin = at;
            d.begin -= d.begin && body.ptr[d.begin - 1] == '\n';
            d.begin -= d.begin && body.ptr[d.begin - 1] == '\r';
            return d;
        }
        from = at + 1;
    }
    return (struct delimiter){.begin = body.len, .end = body.len};
}

static void read_multipart(struct reading *r, size_t part, const struct content_facts *facts,
                           struct slice body, const struct place *place, struct arena *scratch)
{
    struct slice dashed = arena_printf(scratch, "--%.*s", SLICE_ARG(facts->boundary));
    struct delimiter d = find_delimiter(body, dashed, 0);
    size_t sibling = NOWHERE;
    bool digest = slice_equal(facts->type, SLICE("multipart/digest"));
    const struct place inside = {
        .depth = place->depth + 1,
        .encrypted = place->encrypted || slice_equal(facts->type, SLICE("multipart/encrypted")),
        .type = digest ? SLICE("message/rfc822") : SLICE("text/plain"),
        .sibling = slice_equal(facts->type, SLICE("multipart/alternative")) ? &sibling : NULL,
    };

    if (facts->boundary.len == 0 || !d.found) {
        conclude(r, part, PART_UNREADABLE, "its parts are not marked by a boundary");
        add_body(r, body, &inside);
        return;
    }
    add_text(r, TEXT_BODY, slice_head(body, d.begin)); /* readers hide it, search does not */
    while (d.found && !d.closes && !(r->gaps & 1u << GAP_PARTS)) {
        struct delimiter next = find_delimiter(body, dashed, d.end);
        size_t end = next.begin > d.end ? next.begin : d.end;
        walk(r, slice_head(slice_from(body, d.end), end - d.end), &inside);
        d = next;
    }
    if (d.found) {
        add_text(r, TEXT_BODY, slice_from(body, d.end));
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
        conclude(r, part, PART_UNREADABLE, "its transfer encoding is unknown");
        return;
    }
    if (space.full) {
        note(r, GAP_TEXT);
    }
    walk(r, body, &inside);
}

static bool is_embedded(struct slice type)
{
    return slice_equal(type, SLICE("message/rfc822")) ||
           slice_equal(type, SLICE("message/global")) || slice_equal(type, SLICE("message/news"));
}

/* The depth of recursion is that of the letter's parts, which INSPECTION_DEPTH_MAX bounds. */
static void walk(struct reading *r, struct slice entity, const struct place *place)
{
    OWN(arena) struct arena scratch = {.max = SCRATCH_MAX};
    struct content_facts facts = {0};
    struct slice header;
    struct slice body;

    if (r->n_parts == FINDINGS_PARTS_MAX) {
        note(r, GAP_PARTS);
        return;
    }
    entity_split(entity, &header, &body);
    read_header(r, header, place, &scratch, &facts);
    add_text(r, TEXT_NAMES, facts.name);
    size_t part = add_part(r, &facts, place->depth, body.len);
    bool multipart = slice_starts(facts.type, SLICE("multipart/"));
    bool container = !facts.flaw && (multipart || is_embedded(facts.type));

    if (container && place->depth == INSPECTION_DEPTH_MAX) {
        conclude(r, part, PART_UNREADABLE, "nested too deeply");
        note(r, GAP_DEPTH);
    } else if (container && multipart) {
        read_multipart(r, part, &facts, body, place, &scratch);
    } else if (container) {
        read_embedded(r, part, &facts, body, place);
    } else {
        read_leaf(r, part, &facts, body, place);
    }
}

static void list_gaps(struct reading *r, struct findings *findings)
{
    struct slice *texts = arena_array(r->arena, GAPS, sizeof(*texts));
    size_t count = 0;

    for (size_t i = 0; i < GAPS; i++) {
        if (r->gaps & 1u << i) {
            texts[count++] = gap_sentences[i];
        }
    }
    findings->gaps = (struct cbor_list){texts, count};
}

void inspection_read(struct slice letter, struct arena *arena, struct findings *findings,
                     struct text_list *terms)
{
    struct reading r = {.arena = arena, .terms = terms};
    const struct place outermost = {.is_letter = true, .type = SLICE("text/plain")};

    buf_init(&r.decoded, INSPECTION_TEXT_MAX);
    buf_init(&r.converted, INSPECTION_TEXT_MAX);
    buf_init(&r.text, INSPECTION_TEXT_MAX);
    walk(&r, letter, &outermost);
    *findings = (struct findings){
        .parts = {r.parts, r.n_parts},
        .terms = terms->count,
    };
    list_gaps(&r, findings);
    buf_done(&r.decoded);
    buf_done(&r.converted);
    buf_done(&r.text);
}

void inspection_init(void)
{
    g_mime_init();
    charset_init();
}
