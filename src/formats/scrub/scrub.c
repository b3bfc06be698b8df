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

static enum scrub_end scrub_kind(struct slice bytes, struct buf *out, struct buf *what)
{
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

enum scrub_end scrub_file(struct slice bytes, struct buf *out, struct buf *what)
{
    bool large = bytes.len > SCRUB_FILE_MAX;
    enum scrub_end end = large ? SCRUB_CANNOT : scrub_kind(bytes, out, what);

    if (end == SCRUB_CANNOT) {
        buf_reset(what);
        buf_add_text(what, large ? "it is too large" : "it is damaged, signed or encrypted");
    }
    return end;
}
