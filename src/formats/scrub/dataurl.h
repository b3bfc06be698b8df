/* formats/scrub/dataurl - files that stand within an attribute of a drawing (RFC 2397). For this module alone. Pure. */
#pragma once

#include "formats/scrub/internal.h"

/* Whether it is one. */
bool dataurl_is(struct slice value);

/* Whether a link leads to one, or to a file on somebody's disk, in letters that are written as numbers: it is not gone through. */
bool dataurl_is_hidden(struct slice link);

/* Whether a link leads to a file on somebody's disk. */
bool dataurl_is_place(struct slice link);

/* Append it without what its file says of who made it; *cleaned: there was something. False when the file may say something and cannot be
 * changed. */
bool dataurl_clean(struct slice value, struct buf *out, bool *cleaned)
    __attribute__((warn_unused_result));

/* How many there are in a text, but for typefaces. */
size_t dataurl_count(struct slice text);
