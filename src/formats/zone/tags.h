/* formats/zone/tags - lists of "name=value" as DKIM, DMARC, MTA-STS and TLS reporting write them into TXT
 * records (RFC 6376 section 3.2, RFC 9989 section 4.7, RFC 8461 section 3.1, RFC 8460 section 3). Pure. */
#pragma once

#include "base/slice.h"

#define TAGS_MAX 32 /* more make a list unreadable */

struct tag {
    struct slice name; /* without blanks around it */
    struct slice value;
};

struct tags {
    struct tag items[TAGS_MAX];
    size_t count;
};

/* Read a list. False when a part between two semicolons has no "=", or an empty or repeated name, or when there are too
 * many. An empty last part is no part. */
bool tags_read(struct slice text, struct tags *out) __attribute__((warn_unused_result));

/* The value of a tag, by name but for case; NULL when there is none. */
const struct slice *tags_find(const struct tags *tags, const char *name);

/* Whether a text begins with this version tag, e.g. "v=DMARC1", which must be the first. */
bool tags_begin(struct slice text, const char *version);
