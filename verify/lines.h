/* verify/lines - the text forms of docs/ledger-format.md sections 13 and 14: lines, numbers, bytes as digits. Pure. */
#pragma once

#include "verify/bytes.h"

#define DIGITS_MAX 18 /* of a number */

/* Take the first line off, which must end in LF. */
bool line_take(struct view *rest, struct view *line) __attribute__((warn_unused_result));

/* Take what stands before the next blank, or all, off a line; false when nothing is left. */
bool word_take(struct view *line, struct view *word) __attribute__((warn_unused_result));

/* Whether it is exactly that. */
bool line_is(struct view line, const char *text) __attribute__((warn_unused_result));

/* Exactly `len` bytes in lower-case digits. */
bool hex_read(struct view text, uint8_t *out, size_t len) __attribute__((warn_unused_result));

/* A decimal number without a sign and without zeros before it. */
bool number_read(struct view text, uint64_t *number) __attribute__((warn_unused_result));
