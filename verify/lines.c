#include "verify/lines.h"

bool line_take(struct view *rest, struct view *line)
{
    const uint8_t *end = rest->len ? memchr(rest->at, '\n', rest->len) : NULL;

    if (!end) {
        return false;
    }
    size_t len = (size_t)(end - rest->at);
    *line = (struct view){rest->at, len};
    *rest = (struct view){end + 1, rest->len - len - 1};
    return true;
}

bool word_take(struct view *line, struct view *word)
{
    const uint8_t *end = line->len ? memchr(line->at, ' ', line->len) : NULL;
    size_t len = end ? (size_t)(end - line->at) : line->len;

    if (line->len == 0) {
        return false;
    }
    *word = (struct view){line->at, len};
    len += end ? 1 : 0;
    *line = (struct view){line->at + len, line->len - len};
    return true;
}

bool line_is(struct view line, const char *text)
{
    return line.len == strlen(text) && same(line.at, (const uint8_t *)text, line.len);
}

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_read(struct view text, uint8_t *out, size_t len)
{
    if (text.len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = digit(text.at[2 * i]);
        int low = digit(text.at[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool number_read(struct view text, uint64_t *number)
{
    uint64_t n = 0;

    if (text.len == 0 || text.len > DIGITS_MAX || (text.len > 1 && text.at[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9') {
            return false;
        }
        n = n * 10 + (uint64_t)(text.at[i] - '0');
    }
    *number = n;
    return true;
}
