/* Contacts as files, for whoever takes them elsewhere. */
#include "formats/contacts/internal.h"

#define FOLD_AT 75 /* octets of a line, RFC 6350 section 3.2 */

/* ── vCard ── */

/* A line, folded; not within a character. */
static void add_line(struct buf *out, struct slice line)
{
    size_t width = FOLD_AT;

    while (line.len > width) {
        size_t len = width;
        while (len > 1 && (line.ptr[len] & 0xc0) == 0x80) {
            len--;
        }
        buf_add(out, slice_head(line, len));
        buf_add_text(out, "\r\n ");
        line = slice_from(line, len);
        width = FOLD_AT - 1;
    }
    buf_add(out, line);
    buf_add_text(out, "\r\n");
}

static void add_escaped(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '\\' || c == ',' || c == ';') {
            buf_add_byte(out, '\\');
        }
        buf_add_byte(out, c < 0x20 || c == 0x7f ? ' ' : c);
    }
}

static void add_property(struct buf *out, const char *name, struct slice text)
{
    OWN(buf) struct buf line = {.max = (size_t)4 * CARD_NOTE_MAX};

    if (text.len) {
        buf_printf(&line, "%s:", name);
        add_escaped(&line, text);
        add_line(out, buf_slice(&line));
    }
}

void card_write(struct buf *out, const struct card *c)
{
    buf_add_text(out, "BEGIN:VCARD\r\nVERSION:4.0\r\n");
    add_property(out, "FN", c->name.len || !c->n_addresses ? c->name : c->addresses[0]);
    for (size_t i = 0; i < c->n_addresses; i++) {
        add_property(out, "EMAIL", c->addresses[i]);
    }
    add_property(out, "ORG", c->organisation);
    add_property(out, "TITLE", c->title);
    add_property(out, "TEL", c->phone);
    add_property(out, "NOTE", c->note);
    buf_add_text(out, "END:VCARD\r\n");
}

/* ── tables ── */

static void add_field(struct buf *out, struct slice text, const char *end)
{
    buf_add_byte(out, '"');
    if (card_needs_guard(text)) {
        buf_add_byte(out, '\'');
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '"') {
            buf_add_byte(out, '"');
        }
        buf_add_byte(out, c < 0x20 || c == 0x7f ? ' ' : c);
    }
    buf_printf(out, "\"%s", end);
}

void card_write_heads(struct buf *out)
{
    buf_add_text(out, "address,name,organisation,title,phone,note\r\n");
}

void card_write_row(struct buf *out, const struct card *c)
{
    add_field(out, c->n_addresses ? c->addresses[0] : SLICE_NONE, ",");
    add_field(out, c->name, ",");
    add_field(out, c->organisation, ",");
    add_field(out, c->title, ",");
    add_field(out, c->phone, ",");
    add_field(out, c->note, "\r\n");
}
