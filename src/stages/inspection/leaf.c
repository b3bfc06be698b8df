#include "formats/text/html.h"
#include "stages/inspection/reading.h"

static const struct kind {
    struct slice type; /* or its beginning, when it ends in "/" */
    enum part_reading reading;
    const char *reason;
} kinds[] = {
    {SLICE_INIT("text/html"),                        PART_HTML,       NULL                        },
    {SLICE_INIT("application/xhtml+xml"),            PART_HTML,       NULL                        },
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
void reading_body(struct reading *r, struct slice text, const struct place *place)
{
    size_t start = r->terms->fields[TEXT_BODY].len;

    reading_text(r, TEXT_BODY, text);
    if (!place->sibling) {
        return;
    }
    if (*place->sibling == NOWHERE ||
        !text_list_drop_repeat(r->terms, TEXT_BODY, *place->sibling, start)) {
        *place->sibling = start;
    }
}

static bool is_wide(struct slice text)
{
    return slice_starts(text, SLICE("\xff\xfe")) || slice_starts(text, SLICE("\xfe\xff"));
}

static void read_text(struct reading *r, size_t part, const struct content_facts *facts,
                      struct slice body, const struct place *place, enum part_reading how)
{
    struct slice text = SLICE_NONE;
    struct slice charset = facts->charset;

    if (!transfer_decode(body, facts->encoding, &r->decoded, &text)) {
        reading_conclude(r, part, PART_UNREADABLE, "its transfer encoding is unknown");
        return;
    }
    if (charset.len == 0 && is_wide(text)) {
        charset = SLICE("utf-16"); /* texts of Windows begin with a mark that says so */
    }
    bool known = charset_decode(text, charset, &r->converted, &text);
    bool full = r->decoded.full || r->converted.full;
    if (how == PART_HTML) {
        buf_reset(&r->text);
        text_decode_references(text, &r->text);
        reading_links(r, buf_slice(&r->text));
        buf_reset(&r->text);
        text_from_html(text, &r->text);
        text = buf_slice(&r->text);
        full = full || r->text.full;
    }
    if (full) {
        reading_note(r, GAP_TEXT);
    }
    reading_body(r, text, place);
    reading_conclude(r, part, how, NULL);
    if (!known) {
        reading_conclude(r, part, PART_UNREADABLE,
                         "its character set is unknown: only words in ASCII were read");
    }
}

/* ---- what it is ---- */

/* Kinds that are opened here, whatever the part calls itself. */
static bool is_opened(enum document_kind kind)
{
    return kind == DOCUMENT_RTF || kind == DOCUMENT_PDF || kind == DOCUMENT_ZIP ||
           kind == DOCUMENT_OLE || kind == DOCUMENT_ARCHIVE || kind == DOCUMENT_LETTER;
}

static struct slice head_of(struct reading *r, const struct content_facts *facts, struct slice body)
{
    struct slice head = SLICE_NONE;

    return transfer_decode(slice_head(body, 2 * DOCUMENT_HEAD_LEN), facts->encoding, &r->decoded,
                           &head)
               ? slice_head(head, DOCUMENT_HEAD_LEN)
               : SLICE_NONE;
}

/* A text in the letter itself stays one, whatever it begins with. */
static bool is_letter_text(const struct content_facts *facts, const struct place *place)
{
    return !place->in_file && facts->name.len == 0 && facts->disposition != CONTENT_ATTACHMENT &&
           slice_starts(facts->type, SLICE("text/"));
}

/* The bytes decide when they have a mark; then what is said, by name before type, when the bytes do
 * not speak against it. */
static enum document_kind kind_of_leaf(struct reading *r, const struct content_facts *facts,
                                       struct slice body, const struct place *place)
{
    struct slice head = is_letter_text(facts, place) ? SLICE_NONE : head_of(r, facts, body);
    enum document_kind kind = document_kind_of_bytes(head);
    enum document_kind said = document_kind_of_name(facts->name);

    if (kind != DOCUMENT_OTHER || head.len == 0) {
        return kind;
    }
    if (said == DOCUMENT_TEXT || said == DOCUMENT_HTML || said == DOCUMENT_LETTER) {
        return said;
    }
    return document_is_text(head) ? DOCUMENT_TEXT : DOCUMENT_OTHER;
}

/* Kinds that are texts, and differ by what they are for. */
static bool is_written(enum document_kind kind)
{
    return kind == DOCUMENT_TEXT || kind == DOCUMENT_HTML || kind == DOCUMENT_LETTER;
}

/* Programs open a file by its name or its type: one that is neither deceives somebody. */
static const char *mismatch(struct reading *r, const struct content_facts *facts,
                            enum document_kind kind)
{
    enum document_kind by_type = document_kind_of_type(facts->type);
    enum document_kind by_name = document_kind_of_name(facts->name);
    enum document_kind said = by_name != DOCUMENT_OTHER && by_name != kind ? by_name : by_type;
    const struct slice is = document_kind_text(kind);
    const struct slice claims = document_kind_text(said);

    if (kind == DOCUMENT_OTHER || said == DOCUMENT_OTHER || said == kind ||
        (is_written(kind) && is_written(said))) {
        return NULL;
    }
    return (const char *)arena_printf(r->arena, "says it is %.*s and is %.*s", SLICE_ARG(claims),
                                      SLICE_ARG(is))
        .ptr;
}

static bool open_leaf(struct reading *r, size_t part, const struct content_facts *facts,
                      struct slice body, const struct place *place, enum document_kind kind)
{
    OWN(buf) struct buf space = {.max = INSPECTION_FILE_MAX};
    struct slice bytes = SLICE_NONE;

    if (r->shallow) {
        reading_conclude(r, part, PART_UNREADABLE, "not opened: its reader failed over the letter");
        return false;
    }
    if (!transfer_decode(body, facts->encoding, &space, &bytes) || space.full) {
        reading_conclude(r, part, PART_UNREADABLE, "it is too large");
        return false;
    }
    r->held += space.len;
    bool read = reading_attachment(r, part, kind, bytes, place);
    r->held -= space.len;
    return read;
}

static bool is_smime(struct slice type)
{
    return slice_equal(type, SLICE("application/pkcs7-mime")) ||
           slice_equal(type, SLICE("application/x-pkcs7-mime"));
}

/* A part that is no document, or could not be read as one, by what it calls itself. */
static void read_plainly(struct reading *r, size_t part, const struct content_facts *facts,
                         struct slice body, const struct place *place, enum document_kind is)
{
    const struct kind *kind = kind_of(facts->type);

    if (kind->reading == PART_TEXT || kind->reading == PART_HTML) {
        read_text(r, part, facts, body, place, kind->reading);
    } else if (is == DOCUMENT_TEXT || is == DOCUMENT_HTML) {
        read_text(r, part, facts, body, place, is == DOCUMENT_HTML ? PART_HTML : PART_TEXT);
    } else {
        reading_conclude(r, part, kind->reading, kind->reason);
    }
}

static bool has_own_reason(struct slice type)
{
    const struct kind *kind = kind_of(type);

    return kind->reading == PART_UNREADABLE ||
           slice_equal(slice_text(kind->reason), SLICE("a signature"));
}

void reading_leaf(struct reading *r, size_t part, const struct content_facts *facts,
                  struct slice body, const struct place *place)
{
    if (facts->flaw) {
        reading_conclude(r, part, PART_UNREADABLE, facts->flaw);
        return;
    }
    if (place->encrypted) {
        reading_conclude(r, part, PART_UNREADABLE, "encrypted");
        return;
    }
    if (is_smime(facts->type)) {
        bool opaque = slice_equal(facts->smime_type, SLICE("signed-data"));
        reading_conclude(r, part, PART_UNREADABLE,
                         opaque ? "inside an S/MIME signature" : "encrypted");
        return;
    }
    enum document_kind kind =
        has_own_reason(facts->type) ? DOCUMENT_OTHER : kind_of_leaf(r, facts, body, place);
    const char *note = mismatch(r, facts, kind);
    if (note) {
        reading_note_part(r, part, note);
    }
    if (is_opened(kind) && (open_leaf(r, part, facts, body, place, kind) ||
                            !slice_starts(facts->type, SLICE("text/")))) {
        return;
    }
    read_plainly(r, part, facts, body, place, kind);
}
