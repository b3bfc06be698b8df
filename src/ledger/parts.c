#include "ledger/parts.h"

#include <string.h>

#define ENCODED_LINE_MIN 60 /* RFC 2045 section 6.8: encoders write 76, some 60 or 64 */

/* A line with its end; empty at the end of the body. */
static struct slice next_line(struct slice body)
{
    const uint8_t *end = body.len ? memchr(body.ptr, '\n', body.len) : NULL;

    return end ? slice_head(body, (size_t)(end - body.ptr) + 1) : body;
}

static bool is_empty(struct slice line)
{
    return slice_equal(line, SLICE("\n")) || slice_equal(line, SLICE("\r\n"));
}

static bool is_delimiter(struct slice line)
{
    return line.len >= 2 && line.ptr[0] == '-' && line.ptr[1] == '-';
}

static bool is_base64(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

static bool is_encoded(struct slice part)
{
    struct slice line = next_line(part);
    size_t n = 0;

    while (n < line.len && is_base64(line.ptr[n])) {
        n++;
    }
    return n >= ENCODED_LINE_MIN && n % 4 == 0 && is_empty(slice_from(line, n));
}

size_t parts_find(struct slice body, struct part found[static PARTS_MAX])
{
    size_t n = 0;
    size_t from = 0; /* of the part */
    bool inside = false;

    for (size_t at = 0; at <= body.len && n < PARTS_MAX;) {
        struct slice line = next_line(slice_from(body, at));
        if (inside && (line.len == 0 || is_delimiter(line))) {
            size_t len = at - from;
            if (len >= PART_MIN && len <= PART_LIMIT) {
                found[n++] = (struct part){from, len, is_encoded(slice_of(body.ptr + from, len))};
            }
            inside = false;
        } else if (!inside && is_empty(line)) {
            inside = true;
            from = at + line.len;
        }
        if (line.len == 0) {
            break;
        }
        at += line.len;
    }
    return n;
}
