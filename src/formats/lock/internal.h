/* formats/lock/internal - what the files of this module share. */
#pragma once

#include "formats/lock/lock.h"

/* ---- pdf.c ---- */

/* Encrypt a PDF document; see lock_file(). */
bool lock_pdf(struct slice bytes, struct slice password, struct buf *out,
              struct error *e) MUST_CHECK;

/* LOCK_PDF or LOCK_ARCHIVE. */
enum lock_form lock_pdf_form(struct slice bytes);

/* ---- bare.c ---- */

/* Whether a ZIP archive, whose listed files are encrypted, has nothing else but their names: no comment, no file that is not listed, nothing
 * before, between or behind them. */
bool lock_zip_is_bare(struct slice bytes);

/* ---- name.c ---- */

#define LOCK_SAFE_NAME_MAX (LOCK_NAME_MAX + 16)

/* A name that is one in every file system: no path, no control characters, nothing that Windows refuses, valid
 * UTF-8. `number` tells equal ones apart; 0: none. */
void lock_safe_name(struct slice name, unsigned number, char out[static LOCK_SAFE_NAME_MAX]);
