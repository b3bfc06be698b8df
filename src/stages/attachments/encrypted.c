/* What its sender encrypted for somebody, and nothing else beside it. */
#include "formats/mime/decode.h"
#include "formats/mime/multipart.h"
#include "stages/attachments/internal.h"

#define PARTS_OF_PGP 2
#define VERSION_MAX  64 /* bytes of "Version: 1" */
#define ARMOR_MAX    ((size_t)128 << 20)

/* ContentInfo of RFC 5652: enveloped-data, or authenticated-enveloped-data of RFC 5083. */
static bool is_enveloped(struct slice der)
{
    static const uint8_t enveloped[] = {6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 3};
    static const uint8_t authenticated[] = {6,    11, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                            0x0d, 1,  9,    16,   1,    23};
    struct slice head = slice_head(der, 24);

    return head.len && head.ptr[0] == 0x30 &&
           (memmem(head.ptr, head.len, enveloped, sizeof(enveloped)) ||
            memmem(head.ptr, head.len, authenticated, sizeof(authenticated)));
}

static struct slice trimmed(struct slice s)
{
    while (s.len && strchr(" \t\r\n", s.ptr[0])) {
        s = slice_from(s, 1);
    }
    while (s.len && strchr(" \t\r\n", s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

/* An armored message (RFC 9580 section 6.2) and nothing else. */
static bool is_armored(struct slice text)
{
    static const char end[] = "\n-----END PGP MESSAGE-----";
    const uint8_t *found = NULL;

    text = trimmed(text);
    if (slice_starts(text, SLICE("-----BEGIN PGP MESSAGE-----"))) {
        found = memmem(text.ptr, text.len, end, sizeof(end) - 1);
    }
    return found && (size_t)(found - text.ptr) + sizeof(end) - 1 == text.len;
}

/* One part: what says that the other is encrypted (RFC 3156 section 4), or that other. */
static bool is_pgp_part(struct slice raw, bool *message)
{
    OWN(arena) struct arena scratch = {.max = 16u << 20};
    OWN(buf) struct buf space = {.max = ARMOR_MAX};
    struct content_facts facts = {0};
    struct slice header;
    struct slice body;
    struct field field;

    entity_split(raw, &header, &body);
    while (header.len <= HEADER_MAX && field_next(&header, &field)) {
        if (field.value.len <= FIELD_MAX &&
            slice_equal_nocase(field.name, SLICE("content-transfer-encoding"))) {
            content_read_encoding(field.value, &scratch, &facts);
        }
    }
    if (!transfer_decode(body, facts.encoding, &space, &body) || space.full) {
        return false;
    }
    *message = is_armored(body);
    body = trimmed(body);
    return *message || (body.len <= VERSION_MAX && slice_starts_nocase(body, SLICE("version:")));
}

/* All its parts are of that kind, and one is the message. Others would be read by everybody. */
static bool is_pgp(const struct entity *part)
{
    OWN(arena) struct arena scratch = {.max = 1u << 20};
    struct slice dashed = arena_printf(&scratch, "--%.*s", SLICE_ARG(part->facts.boundary));
    /* -fanalyzer: it takes what a function of another file returns for unset */
    struct delimiter d = multipart_delimiter(part->body, dashed, 0);
    size_t parts = 0;
    size_t messages = 0;

    while (part->facts.boundary.len && d.found && !d.closes) {
        struct delimiter next = multipart_delimiter(part->body, dashed, d.end);
        size_t end = next.begin > d.end ? next.begin : d.end;
        bool message = false;
        if (++parts > PARTS_OF_PGP ||
            !is_pgp_part(slice_head(slice_from(part->body, d.end), end - d.end), &message)) {
            return false;
        }
        messages += message;
        d = next;
    }
    return messages == 1;
}

bool leaf_is_encrypted(const struct entity *part)
{
    OWN(buf) struct buf space = {.max = 4096};
    struct slice bytes = SLICE_NONE;

    if (slice_equal(part->facts.type, SLICE("multipart/encrypted"))) {
        return is_pgp(part);
    }
    return (slice_equal(part->facts.type, SLICE("application/pkcs7-mime")) ||
            slice_equal(part->facts.type, SLICE("application/x-pkcs7-mime"))) &&
           transfer_decode(slice_head(part->body, 2048), part->facts.encoding, &space, &bytes) &&
           is_enveloped(bytes);
}
