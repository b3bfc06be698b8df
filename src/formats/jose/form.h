/* formats/jose/form - the forms that are posted to a provider, and the question in a URL (application/x-www-form-urlencoded,
 * RFC 6749 appendix B). Pure. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

/* Append a text with all but letters, digits and `-._~` as %XX. */
void form_encode(struct buf *out, struct slice text);

/* Append name=value, behind a `&` unless `out` is empty or ends in `?`. */
void form_add(struct buf *out, const char *name, struct slice value);

/* Read the first value of a name in a form, from the arena. False when there is none, or it is not encoded as it should be. */
bool form_value(struct slice form, const char *name, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));
