/* formats/text/links - the hosts to which a text links.
 *
 * What a mail program makes a link of: "http://" or "https://" and what follows, or "www." at the beginning of a word. Of HTML the
 * caller gives the source, with its character references decoded, so that the values of attributes are seen.
 * Hosts are not resolved, decoded or judged: they are told apart, in lower case. Pure; looks at each byte a bounded number of
 * times. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

#define LINK_HOST_MAX 253 /* RFC 1035 section 2.3.4 */

struct link {
    size_t len;
    uint8_t host[LINK_HOST_MAX];
};

/* Take the next link with a host that is not too long and move *text behind it; false when there is none left. */
bool link_next(struct slice *text, struct link *link) __attribute__((warn_unused_result));
