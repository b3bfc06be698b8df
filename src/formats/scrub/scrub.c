#include "formats/scrub/scrub.h"

#include "formats/document/kind.h"
#include "formats/scrub/internal.h"

void scrub_say(struct buf *what, const char *word)
{
    if (what->len == 0 || !memmem(what->ptr, what->len, word, strlen(word))) {
        buf_add_text(what, what->len ? ", " : "");
        buf_add_text(what, word);
    }
}

enum scrub_end scrub_file(struct slice bytes, struct buf *out, struct buf *what)
{
    if (bytes.len > SCRUB_FILE_MAX) {
        return SCRUB_CANNOT;
    }
    if (slice_starts(bytes, SLICE("\xff\xd8\xff"))) {
        return scrub_jpeg(bytes, out, what);
    }
    if (slice_starts(bytes, SLICE("\x89PNG\r\n\x1a\n"))) {
        return scrub_png(bytes, out, what);
    }
    switch (document_kind_of_bytes(slice_head(bytes, DOCUMENT_HEAD_LEN))) {
    case DOCUMENT_PDF:
        return scrub_pdf(bytes, out, what);
    case DOCUMENT_ZIP:
        return scrub_office(bytes, out, what);
    case DOCUMENT_OTHER:
    case DOCUMENT_TEXT:
    case DOCUMENT_HTML:
    case DOCUMENT_LETTER:
    case DOCUMENT_RTF:
    case DOCUMENT_OLE:
    case DOCUMENT_ARCHIVE:
    case DOCUMENT_MEDIA:
    case DOCUMENT_PROGRAM:
    case DOCUMENT_KINDS:
        break;
    }
    return SCRUB_NOTHING;
}
