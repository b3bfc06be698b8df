#include "conditions/tag.h"

#include <utf8proc.h>

#include "base/buf.h"

#include "formats/mail/text.h"
#include "formats/smtp/base64.h"

#define FOLDED       32 /* code points that one may decompose into; 18 is the longest there is */
#define CHUNK        39 /* bytes of an encoded word: with its frame 64 characters (RFC 2047: 75) */
#define COLUMNS      76
#define NOT_UTF8     0x110000 /* and the byte: like nothing but itself */
#define REPLACED     "\xef\xbf\xbd"
#define REMOVALS_MAX 64
#define FOLDING_MAX  ((size_t)16 << 20) /* of two texts */

/* A text as code points to compare, each with the bytes it came from. */
struct folded {
    struct point {
        utf8proc_int32_t c;
        uint32_t from, to;
    } * points;

    size_t count;
};

static size_t fold_one(struct slice text, size_t at, utf8proc_int32_t *out, size_t *n)
{
    const utf8proc_option_t how =
        UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE;
    struct slice rest = slice_head(slice_from(text, at), 4);
    utf8proc_int32_t c = 0;
    int boundary = 0;
    utf8proc_ssize_t used = utf8proc_iterate(rest.ptr, (utf8proc_ssize_t)rest.len, &c);

    if (used <= 0) {
        out[0] = NOT_UTF8 + rest.ptr[0];
        *n = 1;
        return 1;
    }
    utf8proc_ssize_t got = utf8proc_decompose_char(c, out, FOLDED, how, &boundary);
    *n = got > 0 && got <= FOLDED ? (size_t)got : 0;
    return (size_t)used;
}

static struct folded fold(struct slice text, struct arena *arena)
{
    struct folded f = {0};
    utf8proc_int32_t some[FOLDED];
    size_t room = 2 * text.len + FOLDED;

    f.points = arena_array(arena, room, sizeof(*f.points));
    for (size_t at = 0; at < text.len;) {
        size_t n = 0;
        size_t used = fold_one(text, at, some, &n);
        if (f.count + n > room) {
            struct point *more = arena_array(arena, 2 * room, sizeof(*more));
            (void)memcpy(more, f.points, f.count * sizeof(*more));
            f.points = more;
            room = 2 * room;
        }
        for (size_t i = 0; i < n; i++) {
            f.points[f.count++] = (struct point){some[i], (uint32_t)at, (uint32_t)(at + used)};
        }
        at += used;
    }
    return f;
}

/* At whole characters of the text alone: no tag ends within a ligature. */
static bool stands_at(const struct folded *text, const struct folded *tag, size_t at)
{
    size_t end = at + tag->count;

    for (size_t i = 0; i < tag->count; i++) {
        if (text->points[at + i].c != tag->points[i].c) {
            return false;
        }
    }
    return (at == 0 || text->points[at - 1].from != text->points[at].from) &&
           (end == text->count || text->points[end - 1].from != text->points[end].from);
}

bool tag_find(struct slice text, struct slice tag, size_t *at, size_t *len)
{
    OWN(arena) struct arena arena = {.max = FOLDING_MAX};
    const struct folded in = fold(slice_head(text, TAG_SUBJECT_MAX), &arena);
    const struct folded wanted = fold(slice_head(tag, TAG_SUBJECT_MAX), &arena);

    for (size_t i = 0; wanted.count && i + wanted.count <= in.count; i++) {
        if (stands_at(&in, &wanted, i)) {
            *at = in.points[i].from;
            *len = in.points[i + wanted.count - 1].to - *at;
            return true;
        }
    }
    return false;
}

/* ── taking one off ── */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* Without these bytes, and with one blank fewer where one stood on either side. */
static struct slice without(struct slice text, size_t at, size_t len, struct arena *arena)
{
    struct slice before = slice_head(text, at);
    struct slice behind = slice_from(text, at + len);

    while (behind.len && is_blank(behind.ptr[0]) &&
           (before.len == 0 || is_blank(before.ptr[before.len - 1]))) {
        behind = slice_from(behind, 1);
    }
    if (behind.len == 0) {
        while (before.len && is_blank(before.ptr[before.len - 1])) {
            before.len--;
        }
    }
    uint8_t *joined = arena_alloc(arena, before.len + behind.len + 1);
    if (before.len) {
        (void)memcpy(joined, before.ptr, before.len);
    }
    if (behind.len) {
        (void)memcpy(joined + before.len, behind.ptr, behind.len);
    }
    return slice_of(joined, before.len + behind.len);
}

static bool strip(struct slice *text, const struct slice *tags, size_t n_tags, struct arena *arena)
{
    bool found = false;
    size_t at = 0;
    size_t len = 0;

    for (size_t i = 0, removed = 0; i < n_tags; i++) {
        while (removed < REMOVALS_MAX && tag_find(*text, tags[i], &at, &len)) {
            *text = without(*text, at, len, arena);
            found = true;
            removed++;
        }
    }
    return found;
}

/* ── writing what is left ── */

static bool is_plain(struct slice text)
{
    size_t word = 0;

    for (size_t i = 0; i < text.len; i++) {
        word = is_blank(text.ptr[i]) ? 0 : word + 1;
        if (text.ptr[i] < ' ' || text.ptr[i] > '~' || word > COLUMNS) {
            return false;
        }
    }
    return !mail_text_has_encoded_word(text);
}

/* A line end before a blank where the line would grow too long. */
static void write_plain(struct slice text, struct buf *out)
{
    size_t column = sizeof("Subject: ");

    for (size_t at = 0; at < text.len;) {
        size_t end = at;
        while (end < text.len && is_blank(text.ptr[end])) {
            end++;
        }
        while (end < text.len && !is_blank(text.ptr[end])) {
            end++;
        }
        bool breaks = at && column + (end - at) > COLUMNS;
        buf_add_text(out, breaks ? "\r\n" : "");
        column = breaks ? 0 : column;
        buf_add(out, slice_of(text.ptr + at, end - at));
        column += end - at;
        at = end;
    }
}

static void write_encoded(struct slice text, struct buf *out)
{
    uint8_t encoded[SMTP_BASE64_LEN(CHUNK)];

    for (size_t at = 0; at < text.len;) {
        size_t end = at + CHUNK < text.len ? at + CHUNK : text.len;
        while (end < text.len && end > at + 1 && (text.ptr[end] & 0xc0) == 0x80) {
            end--; /* a character is not cut (section 5) */
        }
        buf_add_text(out, at ? "\r\n =?utf-8?B?" : "=?utf-8?B?");
        size_t n = smtp_base64_encode(slice_of(text.ptr + at, end - at), encoded);
        buf_add(out, slice_of(encoded, n));
        buf_add_text(out, "?=");
        at = end;
    }
}

static bool is_one_line(struct slice value)
{
    return slice_find(value, '\r') == value.len && slice_find(value, '\n') == value.len;
}

struct slice tag_remove(struct slice value, const struct slice *tags, size_t n_tags,
                        struct arena *arena)
{
    OWN(buf) struct buf out = {.max = 4 * TAG_SUBJECT_MAX};
    bool direct = is_one_line(value) && !mail_text_has_encoded_word(value);
    struct slice text = direct ? value : mail_text_decode(value, arena);

    if (value.len >= TAG_SUBJECT_MAX || text.len + 4 >= TAG_SUBJECT_MAX ||
        (!direct && memmem(text.ptr, text.len, REPLACED, sizeof(REPLACED) - 1)) ||
        !strip(&text, tags, n_tags, arena)) {
        return value;
    }
    if (direct && !mail_text_has_encoded_word(text)) { /* all other bytes stay as they are */
        return text;
    }
    text = slice_trim(text);
    buf_add_text(&out, text.len ? " " : "");
    if (is_plain(text)) {
        write_plain(text, &out);
    } else {
        write_encoded(text, &out);
    }
    return out.full ? value : arena_copy(arena, buf_slice(&out));
}
