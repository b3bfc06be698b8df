/* ledger/marker - a small file in the folder of record keys that says what is under way there, so that the next start ends it. For
 * ledger/'s own files. */
#pragma once

#include "ledger/writer.h"

#define MARKER_MAX 64 /* bytes */

/* Write one, durably: it is there whole or not at all. */
bool marker_write(const struct ledger *l, const char *name, struct slice bytes,
                  struct error *e) MUST_CHECK;

/* Read one of exactly so many bytes. *there is false when there is none; ERROR_CORRUPT when it has another length. */
bool marker_read(const struct ledger *l, const char *name, uint8_t *bytes, size_t len, bool *there,
                 struct error *e) MUST_CHECK;

/* Remove it, durably. */
bool marker_remove(const struct ledger *l, const char *name, struct error *e) MUST_CHECK;
