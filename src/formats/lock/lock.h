/* formats/lock - files that a password opens, in the form in which their reader's program asks for it.
 *
 * OOXML documents become ECMA-376 agile ones (agile.h), PDF documents AES-256 ones by libqpdf, all else
 * goes into a ZIP archive under AES-256 (zip.h). A ZIP archive whose files are all under AES already, and
 * that has nothing else such as a comment, stays; of no other kind is it believed. A file that cannot be encrypted in its own form without a change
 * of what it says (damaged, signed, under a password, none of these kinds) belongs into the archive, where
 * every byte of it stays. Bytes in, bytes out; bounded. One thread. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#define LOCK_PASSWORD_MIN 12
#define LOCK_PASSWORD_MAX 64
#define LOCK_FILE_MAX     ((size_t)64 << 20) /* bytes of one file */
#define LOCK_FILES_MAX    256                /* in one archive */
#define LOCK_NAME_MAX     200                /* bytes of a file's name in it */

enum lock_form {
    LOCK_ARCHIVE,   /* none of its own that will do: the archive */
    LOCK_OFFICE,    /* ECMA-376 agile */
    LOCK_PDF,       /* ISO 32000-2, security handler of revision 6 */
    LOCK_ENCRYPTED, /* a ZIP archive under AES: it stays */
};

/* "Office (ECMA-376 agile, AES-256)", for sentences. */
struct slice lock_form_text(enum lock_form form);

/* Load what the libraries load once, before a sandbox closes. */
void lock_init(void);

/* Printable ASCII without blanks, LOCK_PASSWORD_MIN to LOCK_PASSWORD_MAX: characters that every program that asks for
 * it encodes alike. */
bool lock_password_sound(struct slice password);

/* In which form a file is to be encrypted. */
enum lock_form lock_form_of(struct slice bytes);

/**
 * Encrypt a file in its own form.
 *
 * @param form  LOCK_OFFICE or LOCK_PDF, by lock_form_of()
 * @param out   empty; what stands in it after a failure is none
 * @return      false with ERROR_INPUT when the file is not sound enough to come out whole: it belongs into the
 *              archive; ERROR_LIMIT when it does not fit, ERROR_BUSY when a library fails
 */
bool lock_file(enum lock_form form, struct slice bytes, struct slice password, struct buf *out,
               struct error *e) MUST_CHECK;

/* A file for the archive. */
struct lock_entry {
    struct slice name; /* as somebody else chose it: made safe here */
    struct slice bytes;
};

/**
 * Make an archive under a password whose directory tells no name: it holds one entry, an archive of all the
 * files. They are stored as they are: documents are packed already, and mail's own limits count.
 *
 * @param entries  1 to LOCK_FILES_MAX; names that are equal are told apart by numbers
 * @param inner    name of the archive within, "documents.zip"
 * @return         false with ERROR_LIMIT when it does not fit, ERROR_BUSY when OpenSSL fails
 */
bool lock_archive(const struct lock_entry *entries, size_t n, const char *inner,
                  struct slice password, struct buf *out, struct error *e) MUST_CHECK;
