/* formats/sts/internal - what the readers of both TXT records share. */
#pragma once

#include "base/slice.h"

/* "name=value" of a TXT record, the blanks around it left out. */
struct text_field {
    struct slice name;
    struct slice value;
};

/* The one text that begins with `prefix`. False when there is none, or more than one. */
bool text_pick(const struct slice *texts, size_t n, struct slice prefix, struct slice *out);

/* Cut the next field off *rest; false when it is malformed. *end is set when there was none left. */
bool text_field_next(struct slice *rest, bool loose, struct text_field *out, bool *end);
