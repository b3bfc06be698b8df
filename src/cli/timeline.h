/* cli/timeline - what happened to one letter, in words.
 *
 * From the records that the ledger holds about it, in their order. Whatever came from outside is
 * cleaned (cli/print). Pure. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include "requests/reader.h"

/* The word for an enum tls_level. */
const char *timeline_level(uint64_t level);

/* The words for an enum delivery_status. */
const char *timeline_status(uint64_t status);

/**
 * Append a letter's head and its timeline.
 *
 * @param records  of the letter, as reader_show answers them
 * @return         false with ERROR_CORRUPT when a record cannot be read
 */
bool timeline_write(const struct reader_record *records, size_t count, struct arena *arena,
                    struct buf *out, struct error *e) MUST_CHECK;
