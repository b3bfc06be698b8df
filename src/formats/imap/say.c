#include "formats/imap/imap.h"
#include "formats/smtp/base64.h"

void imap_say(struct buf *out, uint32_t tag, const char *text)
{
    buf_printf(out, "a%u %s\r\n", (unsigned)tag, text);
}

static void add_base64(struct buf *out, struct slice octets)
{
    size_t len = SMTP_BASE64_LEN(octets.len);
    uint8_t *room = len ? buf_room(out, len) : NULL;

    if (room) {
        out->len += smtp_base64_encode(octets, room);
    }
}

void imap_say_authenticate(struct buf *out, uint32_t tag, const char *mechanism,
                           struct slice answer, bool at_once)
{
    buf_printf(out, "a%u AUTHENTICATE %s", (unsigned)tag, mechanism);
    if (at_once) {
        buf_add_byte(out, ' ');
        add_base64(out, answer);
    }
    buf_add_text(out, "\r\n");
}

void imap_say_answer(struct buf *out, struct slice answer)
{
    add_base64(out, answer);
    buf_add_text(out, "\r\n");
}

void imap_plain(struct buf *out, struct slice authorize, struct slice user, struct slice password)
{
    buf_add(out, authorize);
    buf_add_byte(out, 0);
    buf_add(out, user);
    buf_add_byte(out, 0);
    buf_add(out, password);
}

void imap_xoauth2(struct buf *out, struct slice user, struct slice token)
{
    buf_add_text(out, "user=");
    buf_add(out, user);
    buf_add_text(out, "\001auth=Bearer ");
    buf_add(out, token);
    buf_add_text(out, "\001\001");
}

/* Names on the wire are printable ASCII (imap_name_encode), or what a server listed: that has no line
 * end when it came as a quoted string, and as a literal it may have anything. */
void imap_say_examine(struct buf *out, uint32_t tag, struct slice name)
{
    buf_printf(out, "a%u EXAMINE \"", (unsigned)tag);
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.ptr[i];
        if (byte == '"' || byte == '\\') {
            buf_add_byte(out, '\\');
        }
        buf_add_byte(out, byte < ' ' || byte > '~' ? (uint8_t)'?' : byte);
    }
    buf_add_text(out, "\"\r\n");
}

void imap_say_list(struct buf *out, uint32_t tag, uint32_t from, uint32_t to)
{
    buf_printf(out, "a%u UID FETCH %u:%u (UID RFC822.SIZE INTERNALDATE FLAGS)\r\n", (unsigned)tag,
               (unsigned)from, (unsigned)to);
}

void imap_say_fetch(struct buf *out, uint32_t tag, uint32_t uid)
{
    buf_printf(out, "a%u UID FETCH %u (UID BODY.PEEK[])\r\n", (unsigned)tag, (unsigned)uid);
}

void imap_say_fetch_last(struct buf *out, uint32_t tag)
{
    buf_printf(out, "a%u UID FETCH * (UID BODY.PEEK[])\r\n", (unsigned)tag);
}
