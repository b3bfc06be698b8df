#include "formats/scrub/dataurl.h"

#include <ctype.h>

#include "base/base64.h"

#define SCHEME 5 /* length of "data:" */

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool holds(struct slice s, const char *part)
{
    return s.len && memmem(s.ptr, s.len, part, strlen(part)) != NULL;
}

static struct slice trim(struct slice s)
{
    while (s.len && is_space(s.ptr[0])) {
        s = slice_from(s, 1);
    }
    while (s.len && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

/* What a URL says of its file, behind "data:" and before the comma. Words of a text, which have blanks, are none; false then. */
static bool head_of(struct slice s, struct slice *head)
{
    size_t len = 0;

    while (len < s.len && (isalnum(s.ptr[len]) || is_space(s.ptr[len]) ||
                           (s.ptr[len] && strchr("/+.-_;=*%&#\"'\\!$^|~", s.ptr[len])))) {
        len++;
    }
    *head = trim(slice_head(s, len));
    bool blanks = false;
    for (size_t i = 0; i < head->len; i++) {
        blanks = blanks || is_space(head->ptr[i]);
    }
    bool words = blanks || (s.len && is_space(s.ptr[0]) && !holds(*head, "/"));
    return len < s.len && s.ptr[len] == ',' && (!words || holds(*head, "base64"));
}

bool dataurl_is(struct slice value)
{
    struct slice head;

    return slice_starts_nocase(value, SLICE("data:")) && head_of(slice_from(value, SCHEME), &head);
}

bool dataurl_is_hidden(struct slice link)
{
    struct slice begin = slice_head(link, slice_find(link, ','));
    struct slice bare = trim(begin);

    return !slice_starts_nocase(bare, SLICE("http:")) &&
           !slice_starts_nocase(bare, SLICE("https:")) && !slice_starts(bare, SLICE("#")) &&
           holds(begin, "&#");
}

bool dataurl_is_place(struct slice link)
{
    struct slice bare = trim(link);
    bool drive = bare.len > 2 && isalpha(bare.ptr[0]) && bare.ptr[1] == ':' &&
                 (bare.ptr[2] == '/' || bare.ptr[2] == '\\');

    return drive || slice_starts_nocase(bare, SLICE("file:")) || slice_starts(bare, SLICE("\\\\"));
}

/* What a data URL has, without blanks and what fills it at its end. */
static struct slice letters_of(struct slice coded, struct buf *space)
{
    for (size_t i = 0; i < coded.len; i++) {
        if (!is_space(coded.ptr[i])) {
            buf_add_byte(space, coded.ptr[i]);
        }
    }
    while (space->len && space->ptr[space->len - 1] == '=') {
        space->len--;
    }
    return buf_slice(space);
}

static void add_base64(struct buf *out, struct slice bytes)
{
    uint8_t *room = buf_room(out, bytes.len / 3 * 4 + 8);
    size_t len = room ? base64_encode(BASE64_PLAIN, bytes, room) : 0;

    out->len += len;
    for (; len % 4; len++) {
        buf_add_byte(out, '=');
    }
}

bool dataurl_clean(struct slice value, struct buf *out, bool *cleaned)
{
    static const char coding[] = "base64";
    OWN(buf) struct buf letters = {.max = value.len + 1};
    OWN(buf) struct buf bytes = {.max = value.len + 1};
    OWN(buf) struct buf fresh = {.max = value.len + 1024};
    OWN(buf) struct buf words = {.max = 300};
    struct slice head;
    size_t at = slice_find(value, ',') + 1;
    size_t len = 0;

    if (!head_of(slice_from(value, SCHEME), &head) || head.len < sizeof(coding) - 1 ||
        !slice_equal_nocase(slice_from(head, head.len - (sizeof(coding) - 1)), SLICE(coding)) ||
        holds(head, "&")) {
        return false;
    }
    struct slice coded = letters_of(slice_from(value, at), &letters);
    uint8_t *room = buf_room(&bytes, coded.len + 1);
    if (!room || !base64_decode(BASE64_PLAIN, coded, room, coded.len, &len)) {
        return false;
    }
    bytes.len = len;
    struct slice file = buf_slice(&bytes);
    if (scrub_is_svg(file) || slice_starts(file, SLICE("\x1f\x8b"))) { /* it may hold others */
        return false;
    }
    enum scrub_end end = scrub_media(file, &fresh, &words);
    if (end == SCRUB_CANNOT || (end == SCRUB_NOTHING && scrub_is_other_kind(file))) {
        return false;
    }
    *cleaned = end == SCRUB_CLEANED;
    buf_add(out, *cleaned ? slice_head(value, at) : value);
    if (*cleaned) {
        add_base64(out, buf_slice(&fresh));
    }
    return true;
}

/* Those of typefaces stand in styles, and say nothing of who drew. */
static bool is_typeface(struct slice head)
{
    return slice_starts_nocase(head, SLICE("font/")) ||
           slice_starts_nocase(head, SLICE("application/font")) ||
           slice_starts_nocase(head, SLICE("application/x-font")) ||
           slice_starts_nocase(head, SLICE("application/vnd.ms-fontobject"));
}

size_t dataurl_count(struct slice text)
{
    size_t n = 0;

    for (size_t i = slice_find(text, ':'); i < text.len;
         i += 1 + slice_find(slice_from(text, i + 1), ':')) {
        struct slice head;
        bool url = i + 1 >= SCHEME && dataurl_is(slice_from(text, i + 1 - SCHEME)) &&
                   head_of(slice_from(text, i + 1), &head) && !is_typeface(head);
        n += url;
    }
    return n;
}
