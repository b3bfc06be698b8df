#include "formats/lock/lock.h"

#include "formats/document/archive.h"
#include "formats/document/kind.h"
#include "formats/lock/agile.h"
#include "formats/lock/internal.h"

struct slice lock_form_text(enum lock_form form)
{
    static const struct slice texts[] = {
        [LOCK_ARCHIVE] = SLICE_INIT("ZIP (AES-256)"),
        [LOCK_OFFICE] = SLICE_INIT("Office (ECMA-376 agile, AES-256)"),
        [LOCK_PDF] = SLICE_INIT("PDF (AES-256)"),
        [LOCK_ENCRYPTED] = SLICE_INIT("as it came, encrypted"),
    };

    return texts[form];
}

bool lock_password_sound(struct slice password)
{
    for (size_t i = 0; i < password.len; i++) {
        if (password.ptr[i] <= ' ' || password.ptr[i] > '~') {
            return false;
        }
    }
    return password.len >= LOCK_PASSWORD_MIN && password.len <= LOCK_PASSWORD_MAX;
}

/* Every file in it is under AES: ZIP's own old cipher is broken. */
static bool is_encrypted_zip(struct archive *a)
{
    size_t files = 0;

    for (size_t i = 0; i < archive_count(a); i++) {
        struct archive_entry entry;
        if (!archive_entry(a, i, &entry) || (!entry.folder && !entry.strong)) {
            return false;
        }
        files += !entry.folder;
    }
    return files > 0;
}

/* The part of the package that makes it a document. */
static bool is_office(struct archive *a)
{
    static const char *const mains[] = {"word/document.xml", "xl/workbook.xml", "xl/workbook.bin",
                                        "ppt/presentation.xml"};
    size_t at = 0;

    for (size_t i = 0; i < sizeof(mains) / sizeof(mains[0]); i++) {
        if (archive_find(a, mains[i], &at)) {
            return archive_find(a, "[Content_Types].xml", &at);
        }
    }
    return false;
}

static enum lock_form zip_form(struct slice bytes)
{
    OWN(archive) struct archive *a = archive_open(bytes);

    if (!a) {
        return LOCK_ARCHIVE;
    }
    if (is_office(a)) {
        return LOCK_OFFICE;
    }
    return is_encrypted_zip(a) && lock_zip_is_bare(bytes) ? LOCK_ENCRYPTED : LOCK_ARCHIVE;
}

enum lock_form lock_form_of(struct slice bytes)
{
    if (bytes.len > LOCK_FILE_MAX) {
        return LOCK_ARCHIVE;
    }
    switch (document_kind_of_bytes(slice_head(bytes, DOCUMENT_HEAD_LEN))) {
    case DOCUMENT_ZIP:
        return zip_form(bytes);
    case DOCUMENT_PDF:
        return lock_pdf_form(bytes);
    case DOCUMENT_OLE: /* also one that says it is encrypted: Excel's own password opens some */
    case DOCUMENT_OTHER:
    case DOCUMENT_TEXT:
    case DOCUMENT_HTML:
    case DOCUMENT_LETTER:
    case DOCUMENT_RTF:
    case DOCUMENT_ARCHIVE:
    case DOCUMENT_MEDIA:
    case DOCUMENT_PROGRAM:
    case DOCUMENT_KINDS:
        break;
    }
    return LOCK_ARCHIVE;
}

bool lock_file(enum lock_form form, struct slice bytes, struct slice password, struct buf *out,
               struct error *e)
{
    if (!lock_password_sound(password) || bytes.len > LOCK_FILE_MAX) {
        return error_set(e, ERROR_INPUT, "a password that documents cannot have, or too large");
    }
    if (form == LOCK_OFFICE) {
        return agile_encrypt(bytes, password, out, e);
    }
    if (form == LOCK_PDF) {
        return lock_pdf(bytes, password, out, e);
    }
    return error_set(e, ERROR_INPUT, "a file that has no encrypted form of its own");
}
