/* formats/document/kind - what a file is: by its first bytes, by its name, by its declared type.
 *
 * Each of the three may lie or be silent; the caller compares them. Pure. */
#pragma once

#include "base/slice.h"

#define DOCUMENT_HEAD_LEN 1024 /* bytes at the start of a file that its kind is known by */

enum document_kind {
    DOCUMENT_OTHER, /* nothing that is known here */
    DOCUMENT_TEXT,
    DOCUMENT_HTML,
    DOCUMENT_LETTER,
    DOCUMENT_RTF,
    DOCUMENT_PDF,
    DOCUMENT_ZIP,     /* also the office documents that are archives inside */
    DOCUMENT_OLE,     /* Word, Excel, PowerPoint 97 to 2003; what Office encrypts; Outlook's .msg */
    DOCUMENT_ARCHIVE, /* packed in another way than ZIP */
    DOCUMENT_MEDIA,   /* image, sound, film */
    DOCUMENT_PROGRAM,
    DOCUMENT_KINDS,
};

/* By the first DOCUMENT_HEAD_LEN bytes; OTHER for all that has no mark, such as a text. */
enum document_kind document_kind_of_bytes(struct slice head);

/* By the end of the name, "report.docx". */
enum document_kind document_kind_of_name(struct slice name);

/* By the declared type, "application/pdf", in lower case. */
enum document_kind document_kind_of_type(struct slice type);

/* The type that a name stands for; application/octet-stream when it says nothing. */
struct slice document_type_of_name(struct slice name);

/* Whether the start of a file looks like text for people: valid UTF-8 up to a character that is
 * cut off, without control characters that texts have not. */
bool document_is_text(struct slice head);

/* "a PDF document", for sentences. Empty for OTHER. */
struct slice document_kind_text(enum document_kind kind);

/* What an OLE file holds, as a reason for not being read: it is looked for by the names of its
 * streams. */
const char *document_ole_reason(struct slice bytes, bool *encrypted);
