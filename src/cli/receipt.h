/* cli/receipt - what was decided for a recipient, and what became of it, in words.
 *
 * Whatever came from outside is cleaned (cli/print). Pure. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include "cli/cli.h"
#include "letter/records.h"
#include "requests/reader.h"

/* Append how one ruling protects the letter: method and floor, section and version of the policy, the steps that were looked at, why. */
void receipt_ruling(const struct decision *d, const struct ruling *r, struct arena *arena,
                    struct buf *out);

/* The same as members of a JSON object, with a comma before each. */
void receipt_ruling_json(const struct decision *d, const struct ruling *r, struct buf *out);

/* Append a text as a JSON string (RFC 8259). */
void receipt_json_text(struct slice text, struct buf *out);

/* Write a receipt for each recipient of a letter that was decided, all of them: what protects it, and what its last attempt proves.
 *
 * @param records  of the letter, as reader_show answers them
 * @return         false with ERROR_CORRUPT when a record cannot be read */
bool receipt_write(struct cli *c, const struct reader_record *records, size_t count,
                   struct error *e) MUST_CHECK;
