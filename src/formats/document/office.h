/* formats/document/office - the text of documents that are XML files in an archive: OOXML (docx,
 * xlsx, pptx) and OpenDocument (odt, ods, odp).
 *
 * Says which entries of the archive hold text, and takes the text out of them, by expat: what a
 * reader of the document sees, and what it carries besides: comments, notes, headers and footers,
 * deleted text of tracked changes, properties, formulas, descriptions of pictures, links. Entities
 * are refused, so that a small file stays small. Pure. */
#pragma once

#include "base/buf.h"
#include "base/own.h"
#include "base/slice.h"

enum office_family { OFFICE_NONE, OFFICE_OOXML, OFFICE_ODF };

enum office_use {
    OFFICE_IGNORED, /* fonts, styles, settings */
    OFFICE_TEXT,    /* its text belongs to the document's */
    OFFICE_CHILD,   /* a file within the document */
    OFFICE_UNREAD,  /* the document's content, in a form that is not read */
};

/* What the entry of that name is for. */
enum office_use office_use_of(enum office_family family, struct slice name);

struct office_text;

/**
 * Begin with one entry.
 *
 * @param name   of the entry
 * @param out    its text is appended, words separated as they are in the document
 * @param aside  the same for deleted text, which stands in the middle of words that replaced it
 */
struct office_text *office_text_new(enum office_family family, struct slice name, struct buf *out,
                                    struct buf *aside);

/* NULL is fine. */
void office_text_free(struct office_text *t);

/* Take the entry's next bytes; false when it is no sound XML, or has entities. */
bool office_text_add(struct office_text *t, struct slice bytes) __attribute__((warn_unused_result));

/* The entry ends; false as before. */
bool office_text_end(struct office_text *t) __attribute__((warn_unused_result));

OWN_BY(office_text, struct office_text, office_text_free)
