#include "formats/contacts/contacts.h"

#include "formats/contacts/internal.h"

static bool is_control(uint8_t c)
{
    return c < 0x20 || c == 0x7f;
}

/* The beginning of a text, not within a character. */
static struct slice cut(struct slice s, size_t max)
{
    size_t len = s.len < max ? s.len : max;

    while (len < s.len && len > 0 && (s.ptr[len] & 0xc0) == 0x80) {
        len--;
    }
    return slice_head(s, len);
}

bool card_text(struct slice text, size_t max, struct arena *arena, struct slice *out)
{
    text = cut(slice_trim(text), max); /* first: a long one may end within a character */
    uint8_t *copy = arena_array(arena, text.len + 1, 1);
    size_t len = 0;

    if (!slice_is_utf8(text)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        copy[len++] = is_control(text.ptr[i]) ? ' ' : text.ptr[i];
    }
    *out = slice_trim(slice_of(copy, len));
    return true;
}

bool card_add_address(struct card *c, struct slice text, struct arena *arena)
{
    struct slice address;

    if (!card_text(text, CARD_TEXT_MAX + CARD_TEXT_MAX, arena, &address)) {
        return false;
    }
    if (address.len && c->n_addresses < CARD_ADDRESSES) {
        c->addresses[c->n_addresses++] = address;
    }
    return true;
}

bool card_needs_guard(struct slice text)
{
    text = slice_trim(text);
    while (text.len && text.ptr[0] == '\'') {
        text = slice_trim(slice_from(text, 1));
    }
    return text.len && slice_find(SLICE("=+-@"), text.ptr[0]) < SLICE("=+-@").len;
}

struct slice card_line(struct card_reader *r)
{
    struct slice line = slice_cut(r->rest, '\n', &r->rest);

    r->line++;
    return line.len && line.ptr[line.len - 1] == '\r' ? slice_head(line, line.len - 1) : line;
}

static struct slice without_mark(struct slice file)
{
    return slice_starts(file, SLICE("\xef\xbb\xbf")) ? slice_from(file, 3) : file;
}

const char *card_reader_init(struct card_reader *r, struct slice file)
{
    *r = (struct card_reader){.rest = without_mark(file), .line = 1};
    if (file.len > CARDS_FILE_MAX) {
        return "is too large to hold contacts";
    }
    struct slice begins = r->rest;
    while (begins.len && (begins.ptr[0] == '\r' || begins.ptr[0] == '\n' || begins.ptr[0] == ' ')) {
        begins = slice_from(begins, 1);
    }
    if (slice_starts_nocase(begins, SLICE("BEGIN:VCARD"))) {
        return NULL;
    }
    r->table = true;
    return csv_begin(r);
}

enum card_result card_next(struct card_reader *r, struct arena *arena, struct card *out,
                           size_t *line, const char **why)
{
    *out = (struct card){0};
    *why = "";
    *line = r->line;
    return r->table ? csv_next(r, arena, out, why) : vcard_next(r, arena, out, why);
}
