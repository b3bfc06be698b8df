/* stages/inspection/reading - one letter while it is read: what its files share. */
#pragma once

#include "formats/document/kind.h"
#include "formats/mime/decode.h"
#include "formats/mime/header.h"
#include "formats/text/links.h"
#include "formats/text/numbers.h"
#include "formats/text/terms.h"
#include "stages/inspection/inspection.h"

#define NOWHERE SIZE_MAX

enum gap {
    GAP_DEPTH,
    GAP_PARTS,
    GAP_HEADER,
    GAP_FIELD,
    GAP_TEXT,
    GAP_TERMS,
    GAP_NAMES,
    GAP_REPEATED,
    GAP_INSIDE,
    GAP_TIME,
    GAPS,
};

/* The different numbers of one kind until now. */
struct detection {
    struct number numbers[DETECTED_COUNT_MAX];
    size_t count;
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
    bool shallow;      /* documents and archives are listed and not opened */
    uint64_t unpacked; /* bytes taken out of archives so far */
    uint64_t held;     /* bytes of files within files that are in memory now */
    int64_t until_ms;  /* by the clock of the process: documents are read no longer */
    struct buf decoded;
    struct buf converted;
    struct buf text;
    struct detection detections[NUMBER_IBAN + 1]; /* by enum number_kind */
    struct link links[FINDINGS_LINKS_MAX];        /* different ones */
    size_t n_links;
};

/* Where in the tree an entity stands. */
struct place {
    unsigned depth;
    bool is_letter;    /* its header is that of a letter, outermost or embedded */
    bool encrypted;    /* it is inside multipart/encrypted */
    bool in_file;      /* it is inside an archive or a document */
    struct slice type; /* when it has no Content-Type of its own */
    size_t *sibling;   /* in multipart/alternative: where the terms of the text before it begin */
};

/* ---- parts.c ---- */

/* Say once that something of the letter was left out. */
void reading_note(struct reading *r, enum gap gap);

/* Hand the words of a text to the index, and look for numbers that are to be protected in it. */
void reading_text(struct reading *r, enum text_field field, struct slice text);

/* Look for links in a text, or in the source of HTML. */
void reading_links(struct reading *r, struct slice text);

/* List a part and return its index. */
size_t reading_part(struct reading *r, const struct content_facts *facts, unsigned depth,
                    size_t size);

/* Say how a part was read. The reason is a literal or lives in the arena of the findings. */
void reading_conclude(struct reading *r, size_t part, enum part_reading reading,
                      const char *reason);

/* Remark on a part what is odd about it, which is no reason for not reading it. */
void reading_note_part(struct reading *r, size_t part, const char *note);

/* Copy what was recognised into the findings. */
void reading_detected(struct reading *r, struct findings *findings);

/* Copy the links into the findings. */
void reading_linked(struct reading *r, struct findings *findings);

/* Copy the gaps into the findings. */
void reading_gaps(struct reading *r, struct findings *findings);

/* ---- leaf.c ---- */

/* Many letters carry their text twice, as text and as HTML. When the words are the same they go
 * into the index once. */
void reading_body(struct reading *r, struct slice text, const struct place *place);

/* Read a part that is no multipart and no embedded letter. */
void reading_leaf(struct reading *r, size_t part, const struct content_facts *facts,
                  struct slice body, const struct place *place);

/* ---- attachment.c ---- */

/**
 * Read what lies in a part in a form of its own: a document, an archive, a letter as a file.
 *
 * @param kind   by what the part is to be read
 * @param bytes  the part's, decoded
 * @return       false when it could not be read as that; the part is then concluded with the reason
 */
bool reading_attachment(struct reading *r, size_t part, enum document_kind kind, struct slice bytes,
                        const struct place *place);

/* ---- inspection.c ---- */

/* Read an entity: a letter or a part with its header. */
void reading_walk(struct reading *r, struct slice entity, const struct place *place);
