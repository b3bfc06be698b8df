#include <stdlib.h>

#include "formats/text/html.h"
#include "formats/text/links.h"

/* A text that nobody vouches for, as it is and with its character references decoded. A host is short, has no blank, and each is
 * behind the one before. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(struct slice text)
{
    struct link link;
    size_t left = text.len;

    while (link_next(&text, &link)) {
        if (link.len == 0 || link.len > LINK_HOST_MAX || text.len >= left) {
            abort();
        }
        left = text.len;
        for (size_t i = 0; i < link.len; i++) {
            if (link.host[i] <= ' ' || (link.host[i] >= 'A' && link.host[i] <= 'Z')) {
                abort();
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(buf) struct buf decoded = {.max = 65536};
    struct slice text = slice_of(data, size);

    look(text);
    text_decode_references(text, &decoded);
    look(buf_slice(&decoded));
    return 0;
}
