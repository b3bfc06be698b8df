/* formats/journal/internal - the parts of a multipart body (RFC 2046 section 5.1), for both files. */
#pragma once

#include "base/arena.h"

#include "formats/mail/header.h"

struct journal_part {
    struct mail_header header;
    struct slice body;
};

/* The boundary that a Content-Type names, without its quotes; empty when it names none. */
struct slice journal_boundary(struct slice content_type);

/* Take the next part from *rest, which begins with the body or behind a part; false behind the last. */
bool journal_part(struct slice *rest, struct slice boundary, struct arena *arena,
                  struct journal_part *out);

/* The value of a field of that name, trimmed; empty when there is none. */
struct slice journal_value(const struct mail_header *h, enum mail_name name);
