/* formats/document/pdf - the text of a PDF document (ISO 32000-1).
 *
 * Objects are found by looking for them from the file's first byte to its last; the tables that say
 * where they should be are not believed, so a damaged file is read like a sound one, and old versions
 * of an object give way to the last. Text is what the pages draw, put into words by where it stands;
 * besides it, the document's properties, bookmarks, comments and the values of its forms. Pictures are
 * not read, nor are encrypted documents decrypted.
 *
 * Pure. Bounded: see the limits in internal.h; whoever asks is asked back while work is done, and can
 * end it. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

#define PDF_TEXT_MAX (32u << 20) /* of text, and of one stream unpacked */

/* Called now and then with the bytes that were unpacked since; false ends the reading. */
typedef bool pdf_meter(void *context, size_t unpacked);

/* A file within the document. Name and bytes are valid during the call. */
typedef void pdf_file_sink(void *context, struct slice name, struct slice bytes);

struct pdf_reader {
    pdf_meter *meter;
    pdf_file_sink *file; /* NULL: files are passed over */
    void *context;       /* of both */
};

struct pdf_found {
    size_t pages;
    size_t images;   /* pages that draw a picture and no text: scanned paper, as a rule */
    size_t unmapped; /* characters whose fonts do not say what they are */
    bool encrypted;  /* nothing was read */
    bool damaged;    /* some stream could not be unpacked, or no page was found */
    bool stopped;    /* by the meter or a limit: not all of it was read */
};

/* Append the text of `pdf` to `out`, words separated as they are on the page. */
void text_from_pdf(struct slice pdf, const struct pdf_reader *reader, struct buf *out,
                   struct pdf_found *found);
