/* ledger/parts - stretches of a body that another body may have as well: parts of letters, as they stand in
 * it. For ledger/'s own files. Pure: no I/O, nothing allocated.
 *
 * Not a parser of MIME: what begins behind an empty line and ends before a line that begins with two
 * hyphens. A stretch that is cut in the wrong place is not found again in another letter, and nothing else
 * comes of it. */
#pragma once

#include "base/slice.h"

#define PART_MIN   4096 /* bytes; smaller ones are not worth a reference */
#define PARTS_MAX  1024 /* of one body; what is behind stays in it */
#define PART_LIMIT ((size_t)64 << 20)

struct part {
    size_t at;
    size_t len;
    bool encoded; /* base64: an attachment, or text that compresses no better within its letter */
};

/* Find them, in order and apart; returns how many. */
size_t parts_find(struct slice body, struct part found[static PARTS_MAX]);
