/* formats/mime/multipart - where the parts of a multipart begin and end (RFC 2046 section 5.1.1). Pure. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

struct delimiter {
    size_t begin; /* of the line end that belongs to it (RFC 2046 section 5.1.1) */
    size_t end;   /* where the next part begins */
    bool closes;
    bool found;
};

/* Find the next delimiter line at or behind `from`; `dashed` is "--" and the boundary. */
struct delimiter multipart_delimiter(struct slice body, struct slice dashed, size_t from);
