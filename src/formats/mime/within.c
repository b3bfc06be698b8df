#include "formats/mime/within.h"

static struct slice next_line(struct slice *rest)
{
    size_t at = slice_find(*rest, '\n');
    struct slice line = slice_head(*rest, at);

    *rest = slice_from(*rest, at + 1);
    return slice_head(line, line.len - (line.len && line.ptr[line.len - 1] == '\r'));
}

/* Behind "begin 644 " and its like, the file's name; empty when the line is none of these. */
static struct slice name_in(struct slice line)
{
    bool plain = slice_starts(line, SLICE("begin "));
    size_t digits = 0;

    if (!plain && !slice_starts(line, SLICE("begin-base64 "))) {
        return SLICE_NONE;
    }
    line = slice_from(line, plain ? 6 : 13);
    while (digits < line.len && line.ptr[digits] >= '0' && line.ptr[digits] <= '7') {
        digits++;
    }
    bool mode = digits >= 3 && digits <= 5 && digits < line.len && line.ptr[digits] == ' ';
    return mode ? slice_trim(slice_from(line, digits)) : SLICE_NONE;
}

/* A line that is uuencoded: how many octets it has, then four letters for each three. Blanks at its end may be lost. */
static bool is_uu(struct slice line)
{
    size_t octets = line.len ? (size_t)((line.ptr[0] - ' ') & 63) : 0;
    size_t letters = (octets + 2) / 3 * 4;

    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] < ' ' || line.ptr[i] > '`') {
            return false;
        }
    }
    return octets && line.len > 1 && line.len <= letters + 2; /* some add a checksum */
}

static bool is_base64(struct slice line)
{
    for (size_t i = 0; i < line.len; i++) {
        uint8_t c = ascii_lower(line.ptr[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !strchr("+/=", c)) {
            return false;
        }
    }
    return line.len >= 4;
}

bool text_holds_file(struct slice text)
{
    bool begun = false;
    bool base64 = false;

    while (text.len) {
        struct slice line = next_line(&text);
        if (begun && (base64 ? is_base64(line) : is_uu(line))) {
            return true;
        }
        if (slice_starts(line, SLICE("=ybegin "))) {
            return true;
        }
        begun = name_in(line).len != 0;
        base64 = begun && slice_starts(line, SLICE("begin-"));
    }
    return false;
}
