#include "letter/records.h"
#include "stages/inspection/reading.h"

#define TEXTS_MAX (2u << 20) /* bytes of names and types in the findings of one letter */

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
    [GAP_INSIDE] = SLICE_INIT("The files within files are too large together; some were not read."),
    [GAP_TIME] = SLICE_INIT("Reading the documents took too long; the rest was not read."),
};

void reading_note(struct reading *r, enum gap gap)
{
    r->gaps |= 1u << gap;
}

static void add_number(struct detection *d, const struct number *n)
{
    if (d->count == DETECTED_COUNT_MAX) {
        return;
    }
    for (size_t i = 0; i < d->count; i++) {
        if (slice_equal(slice_of(d->numbers[i].text, d->numbers[i].len),
                        slice_of(n->text, n->len))) {
            return;
        }
    }
    d->numbers[d->count++] = *n;
}

static void detect(struct reading *r, struct slice text)
{
    struct number number;
    uint8_t previous = 0;

    while (number_next(&text, &previous, &number)) {
        add_number(&r->detections[number.kind], &number);
    }
}

void reading_detected(struct reading *r, struct findings *findings)
{
    static const enum detected_kind kinds[] = {
        [NUMBER_CARD] = DETECTED_CARD, [NUMBER_IBAN] = DETECTED_IBAN};
    struct detected *all = arena_array(r->arena, NUMBER_IBAN, sizeof(*all));
    size_t count = 0;

    for (enum number_kind kind = NUMBER_CARD; kind <= NUMBER_IBAN; kind++) {
        if (r->detections[kind].count) {
            all[count++] = (struct detected){kinds[kind], r->detections[kind].count};
        }
    }
    findings->detected = (struct cbor_list){all, count};
}

static void add_link(struct reading *r, const struct link *link)
{
    for (size_t i = 0; i < r->n_links; i++) {
        if (slice_equal(slice_of(r->links[i].host, r->links[i].len),
                        slice_of(link->host, link->len))) {
            return;
        }
    }
    r->links[r->n_links++] = *link;
}

void reading_links(struct reading *r, struct slice text)
{
    struct link link;

    while (r->n_links < FINDINGS_LINKS_MAX && link_next(&text, &link)) {
        add_link(r, &link);
    }
}

void reading_linked(struct reading *r, struct findings *findings)
{
    struct slice *hosts = arena_array(r->arena, FINDINGS_LINKS_MAX, sizeof(*hosts));

    for (size_t i = 0; i < r->n_links; i++) {
        hosts[i] =
            letter_text(r->arena, slice_of(r->links[i].host, r->links[i].len), FINDINGS_HOST_MAX);
    }
    findings->links = (struct cbor_list){hosts, r->n_links};
}

void reading_text(struct reading *r, enum text_field field, struct slice text)
{
    if (field == TEXT_BODY || field == TEXT_SUBJECT) {
        detect(r, text);
        reading_links(r, text);
    }
    text_list_add(r->terms, field, text);
    if (r->terms->cut) {
        reading_note(r, GAP_TERMS);
    }
}

static struct slice listed_text(struct reading *r, struct slice text)
{
    if (text.len == 0) {
        return SLICE_NONE;
    }
    struct slice copy = letter_text(r->arena, text, FINDINGS_TEXT_MAX);
    if (copy.len > TEXTS_MAX - r->texts) {
        reading_note(r, GAP_NAMES);
        return SLICE_NONE;
    }
    r->texts += copy.len;
    return copy;
}

/* List a part and return its index. */
size_t reading_part(struct reading *r, const struct content_facts *facts, unsigned depth,
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

void reading_conclude(struct reading *r, size_t part, enum part_reading reading, const char *reason)
{
    r->parts[part].reading = reading;
    r->parts[part].reason = slice_text(reason);
}

void reading_note_part(struct reading *r, size_t part, const char *note)
{
    r->parts[part].note = slice_text(note);
}

void reading_gaps(struct reading *r, struct findings *findings)
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
