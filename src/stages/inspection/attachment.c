/* Documents and archives. What is taken out of them is bounded for the letter as a whole: bytes
 * unpacked, bytes in memory, processor time, parts, depth. */
#include <stdio.h>

#include "base/clock.h"

#include "formats/document/archive.h"
#include "formats/document/office.h"
#include "formats/document/pdf.h"
#include "formats/document/rtf.h"
#include "stages/inspection/reading.h"

/* Another letter's part, entry or file would be more than the letter may take. */
static bool is_spent(struct reading *r)
{
    if (clock_processor_ms() > r->until_ms) {
        reading_note(r, GAP_TIME);
        return true;
    }
    if (r->unpacked > INSPECTION_UNPACKED_MAX) {
        reading_note(r, GAP_INSIDE);
        return true;
    }
    return false;
}

static void add_document_text(struct reading *r, const struct buf *text, const struct place *place)
{
    if (text->full) {
        reading_note(r, GAP_TEXT);
    }
    reading_body(r, buf_slice(text), place);
}

/* ---- RTF ---- */

static struct slice charset_of_page(unsigned page, char name[static 32])
{
    static const struct {
        unsigned page;
        const char *charset;
    } rows[] = {
        {437,   "cp437"    },
        {850,   "cp850"    },
        {866,   "cp866"    },
        {932,   "shift_jis"},
        {936,   "gbk"      },
        {949,   "euc-kr"   },
        {950,   "big5"     },
        {10000, "macintosh"},
        {65001, "utf-8"    },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].page == page) {
            return slice_text(rows[i].charset);
        }
    }
    (void)snprintf(name, 32, "windows-%u", page);
    return slice_text(name);
}

static void convert_page(unsigned page, struct slice bytes, struct buf *out)
{
    OWN(buf) struct buf space = {.max = INSPECTION_TEXT_MAX};
    char name[32];
    struct slice text = bytes;

    if (charset_decode(bytes, charset_of_page(page, name), &space, &text) ||
        charset_decode(bytes, SLICE("windows-1252"), &space, &text)) {
        buf_add(out, text);
    }
}

static bool read_rtf(struct reading *r, size_t part, struct slice bytes, const struct place *place)
{
    OWN(buf) struct buf text = {.max = INSPECTION_TEXT_MAX};
    struct rtf_found found;

    text_from_rtf(bytes, convert_page, &text, &found);
    add_document_text(r, &text, place);
    reading_conclude(r, part, PART_DOCUMENT, NULL);
    if (found.objects || found.too_deep) {
        reading_conclude(r, part, PART_UNREADABLE,
                         found.objects ? "read but for the objects embedded in it"
                                       : "read but for what is nested too deeply");
    }
    return true;
}

/* ---- office documents ---- */

struct feeding {
    struct reading *reading;
    struct office_text *text;
    bool unsound;
};

static bool feed(void *context, struct slice bytes)
{
    struct feeding *f = context;

    f->reading->unpacked += bytes.len;
    f->unsound = !office_text_add(f->text, bytes);
    return !f->unsound && !is_spent(f->reading);
}

static bool read_office_entry(struct reading *r, struct archive *a, size_t i,
                              enum office_family family, struct slice name, struct buf *text,
                              struct buf *aside)
{
    OWN(office_text) struct office_text *t = office_text_new(family, name, text, aside);
    struct feeding f = {r, t, false};

    return archive_read(a, i, feed, &f) == ARCHIVE_WHOLE && office_text_end(t);
}

static enum office_family family_of(struct archive *a)
{
    size_t i = 0;

    if (archive_find(a, "[Content_Types].xml", &i)) {
        return OFFICE_OOXML;
    }
    return archive_find(a, "mimetype", &i) && archive_find(a, "content.xml", &i) ? OFFICE_ODF
                                                                                 : OFFICE_NONE;
}

static bool add_to_buffer(void *buffer, struct slice bytes)
{
    struct buf *b = buffer;

    buf_add(b, bytes);
    return !b->full;
}

/* OpenDocument encrypts each entry and says so in its list of entries. */
static bool is_encrypted_odf(struct archive *a)
{
    OWN(buf) struct buf manifest = {.max = 1 << 20};
    size_t i = 0;

    return archive_find(a, "META-INF/manifest.xml", &i) &&
           archive_read(a, i, add_to_buffer, &manifest) == ARCHIVE_WHOLE &&
           memmem(manifest.ptr, manifest.len, "encryption-data", 15) != NULL;
}

/* The text of all entries together; false when a part of it could not be read. */
static bool read_office_text(struct reading *r, struct archive *a, enum office_family family,
                             const struct place *place)
{
    OWN(buf) struct buf text = {.max = INSPECTION_TEXT_MAX};
    OWN(buf) struct buf aside = {.max = INSPECTION_TEXT_MAX};
    bool whole = true;

    for (size_t i = 0; i < archive_count(a) && !r->terms->cut && !is_spent(r); i++) {
        struct archive_entry entry;
        if (!archive_entry(a, i, &entry)) {
            whole = false;
            continue;
        }
        enum office_use use = office_use_of(family, entry.name);
        if (use == OFFICE_TEXT) {
            whole = read_office_entry(r, a, i, family, entry.name, &text, &aside) && whole;
        }
        whole = whole && use != OFFICE_UNREAD;
    }
    add_document_text(r, &text, place);
    add_document_text(r, &aside, place);
    return whole;
}

/* ---- archives ---- */

struct filling {
    struct reading *reading;
    struct buf *bytes;
};

static bool fill(void *context, struct slice bytes)
{
    struct filling *f = context;
    struct reading *r = f->reading;

    r->unpacked += bytes.len;
    buf_add(f->bytes, bytes);
    if (f->bytes->full || r->held + f->bytes->len > INSPECTION_HELD_MAX) {
        reading_note(r, GAP_INSIDE);
        return false;
    }
    return !is_spent(r);
}

static const char *unpack(struct reading *r, struct archive *a, size_t i,
                          const struct archive_entry *entry, struct buf *bytes)
{
    struct filling f = {r, bytes};

    if (entry->encrypted) {
        return "encrypted with a password";
    }
    if (!entry->supported) {
        return "packed in a way that is not read";
    }
    if (is_spent(r)) {
        return "left out: see the limits";
    }
    switch (archive_read(a, i, fill, &f)) {
    case ARCHIVE_WHOLE:
        return NULL;
    case ARCHIVE_STOPPED:
        return "left out: see the limits";
    case ARCHIVE_BROKEN:
        break;
    }
    return "damaged";
}

/* A file in an archive or a document, which is listed as `part`. */
static void read_inside(struct reading *r, size_t part, const struct content_facts *facts,
                        struct slice bytes, const struct place *place)
{
    r->held += bytes.len;
    reading_leaf(r, part, facts, bytes, place);
    r->held -= bytes.len;
}

static void read_entry(struct reading *r, struct archive *a, size_t i, const struct place *place)
{
    OWN(buf) struct buf bytes = {.max = INSPECTION_FILE_MAX};
    struct archive_entry entry = {.name = SLICE_NONE};

    bool listed = archive_entry(a, i, &entry);
    if (entry.folder) {
        return;
    }
    if (r->n_parts == FINDINGS_PARTS_MAX) {
        reading_note(r, GAP_PARTS);
        return;
    }
    const struct content_facts facts = {
        .type = document_type_of_name(entry.name),
        .name = entry.name,
        .disposition = CONTENT_ATTACHMENT,
    };
    reading_text(r, TEXT_NAMES, entry.name);
    size_t part = reading_part(r, &facts, place->depth, entry.size);
    const char *why = listed ? unpack(r, a, i, &entry, &bytes) : "damaged";
    if (why) {
        reading_conclude(r, part, PART_UNREADABLE, why);
        return;
    }
    read_inside(r, part, &facts, buf_slice(&bytes), place);
}

/* The files in an archive, or those embedded in a document. */
static void read_entries(struct reading *r, struct archive *a, enum office_family family,
                         const struct place *place)
{
    const struct place inside = {.depth = place->depth + 1, .in_file = true};
    struct archive_entry entry;

    for (size_t i = 0; i < archive_count(a) && !(r->gaps & 1u << GAP_PARTS); i++) {
        bool wanted = family == OFFICE_NONE;
        if (!wanted && archive_entry(a, i, &entry)) {
            wanted = office_use_of(family, entry.name) == OFFICE_CHILD;
        }
        if (wanted) {
            read_entry(r, a, i, &inside);
        }
    }
}

static bool read_zip(struct reading *r, size_t part, struct slice bytes, const struct place *place)
{
    OWN(archive) struct archive *a = archive_open(bytes);

    if (!a) {
        reading_conclude(r, part, PART_UNREADABLE, "damaged: its list of entries cannot be read");
        return false;
    }
    enum office_family family = family_of(a);
    reading_conclude(r, part, family == OFFICE_NONE ? PART_CONTAINER : PART_DOCUMENT, NULL);
    if (family == OFFICE_ODF && is_encrypted_odf(a)) {
        reading_conclude(r, part, PART_UNREADABLE, "encrypted with a password");
        return false;
    }
    if (family != OFFICE_NONE && !read_office_text(r, a, family, place)) {
        reading_conclude(r, part, PART_UNREADABLE, "damaged, or too large: not all of it was read");
    }
    read_entries(r, a, family, place);
    return true;
}

/* ---- PDF ---- */

/* A PDF document while it is read, and the files within it. */
struct pdf_context {
    struct reading *reading;
    struct place inside;
};

static bool meter_pdf(void *context, size_t unpacked)
{
    struct pdf_context *c = context;

    c->reading->unpacked += unpacked;
    return !is_spent(c->reading);
}

static void take_pdf_file(void *context, struct slice name, struct slice bytes)
{
    struct pdf_context *c = context;
    struct reading *r = c->reading;
    const struct content_facts facts = {
        .type = document_type_of_name(name),
        .name = name,
        .disposition = CONTENT_ATTACHMENT,
    };

    if (r->n_parts == FINDINGS_PARTS_MAX || r->held + bytes.len > INSPECTION_HELD_MAX) {
        reading_note(r, r->n_parts == FINDINGS_PARTS_MAX ? GAP_PARTS : GAP_INSIDE);
        return;
    }
    reading_text(r, TEXT_NAMES, name);
    size_t part = reading_part(r, &facts, c->inside.depth, bytes.len);
    read_inside(r, part, &facts, bytes, &c->inside);
}

/* Why not all of it was read, or NULL. */
static const char *pdf_flaw(const struct pdf_found *found, size_t written)
{
    if (found->encrypted) {
        return "encrypted with a password";
    }
    if (found->stopped) {
        return "too large: not all of it was read";
    }
    if (found->damaged) {
        return "damaged: not all of it was read";
    }
    if (found->images) {
        return "read but for pages that are images, such as scanned paper";
    }
    return found->unmapped > written / 20
               ? "read but for letters whose fonts do not say which they are"
               : NULL;
}

static bool read_pdf(struct reading *r, size_t part, struct slice bytes, const struct place *place)
{
    OWN(buf) struct buf text = {.max = INSPECTION_TEXT_MAX};
    struct pdf_context context = {
        r, {.depth = place->depth + 1, .in_file = true}
    };
    const struct pdf_reader reader = {meter_pdf, take_pdf_file, &context};
    struct pdf_found found;

    reading_conclude(r, part, PART_DOCUMENT, NULL);
    text_from_pdf(bytes, &reader, &text, &found);
    add_document_text(r, &text, place);
    const char *flaw = pdf_flaw(&found, text.len);
    if (flaw) {
        reading_conclude(r, part, PART_UNREADABLE, flaw);
    }
    return true;
}

/* ---- by kind ---- */

static bool read_letter(struct reading *r, size_t part, struct slice bytes,
                        const struct place *place)
{
    const struct place inside = {
        .depth = place->depth + 1,
        .is_letter = true,
        .type = SLICE("text/plain"),
    };

    reading_conclude(r, part, PART_CONTAINER, NULL);
    reading_walk(r, bytes, &inside);
    return true;
}

static bool refuse(struct reading *r, size_t part, const char *reason)
{
    reading_conclude(r, part, PART_UNREADABLE, reason);
    return false;
}

bool reading_attachment(struct reading *r, size_t part, enum document_kind kind, struct slice bytes,
                        const struct place *place)
{
    bool encrypted = false;

    if (place->depth >= INSPECTION_DEPTH_MAX) {
        reading_note(r, GAP_DEPTH);
        return refuse(r, part, "nested too deeply");
    }
    switch (kind) {
    case DOCUMENT_RTF:
        return read_rtf(r, part, bytes, place);
    case DOCUMENT_ZIP:
        return read_zip(r, part, bytes, place);
    case DOCUMENT_LETTER:
        return read_letter(r, part, bytes, place);
    case DOCUMENT_OLE:
        return refuse(r, part, document_ole_reason(bytes, &encrypted));
    case DOCUMENT_PDF:
        return read_pdf(r, part, bytes, place);
    case DOCUMENT_ARCHIVE:
        return refuse(r, part, "an archive of a kind that is not opened");
    case DOCUMENT_OTHER:
    case DOCUMENT_TEXT:
    case DOCUMENT_HTML:
    case DOCUMENT_MEDIA:
    case DOCUMENT_PROGRAM:
    case DOCUMENT_KINDS:
        break;
    }
    return refuse(r, part, "not a document");
}
