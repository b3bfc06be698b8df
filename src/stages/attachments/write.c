#include <openssl/evp.h>

#include "stages/attachments/internal.h"

#define LINE_BYTES 57 /* that make 76 characters */
#define LINE_ROOM  78 /* with CRLF */

void write_base64(struct buf *out, struct slice bytes)
{
    size_t lines = (bytes.len + LINE_BYTES - 1) / LINE_BYTES;
    uint8_t *to = buf_room(out, lines * LINE_ROOM); /* at once, since it may be large */

    for (size_t at = 0; to && at < bytes.len; at += LINE_BYTES) {
        struct slice piece = slice_head(slice_from(bytes, at), LINE_BYTES);
        int len = EVP_EncodeBlock(to, piece.ptr, (int)piece.len);
        to[len++] = '\r'; /* in place of EVP_EncodeBlock()'s NUL */
        to[len++] = '\n';
        to += len;
        out->len += (size_t)len;
    }
}

static bool is_about_content(struct slice name)
{
    return slice_starts_nocase(name, SLICE("content-"));
}

/* Walk a header's fields; *raw is all of the next one. */
static bool next_raw(struct slice *header, struct field *field, struct slice *raw)
{
    struct slice before = *header;

    if (!field_next(header, field)) {
        return false;
    }
    *raw = slice_head(before, before.len - header->len);
    return true;
}

enum field_fate field_fate(struct slice name)
{
    static const struct {
        const char *name;
        enum field_fate fate;
    } rows[] = {
        {"content-type",              FIELD_COPIED },
        {"content-transfer-encoding", FIELD_COPIED },
        {"content-disposition",       FIELD_COPIED },
        {"content-id",                FIELD_COPIED },
        {"content-language",          FIELD_COPIED },
        {"content-location",          FIELD_COPIED },
        {"content-base",              FIELD_COPIED },
        {"content-class",             FIELD_COPIED },
        {"content-duration",          FIELD_COPIED },
        {"content-features",          FIELD_COPIED },
        {"content-alternative",       FIELD_COPIED },
        {"content-description",       FIELD_DROPPED},
        {"content-length",            FIELD_DROPPED},
        {"content-md5",               FIELD_DROPPED},
        {"mime-version",              FIELD_DROPPED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (slice_equal_nocase(name, slice_text(rows[i].name))) {
            return rows[i].fate;
        }
    }
    return slice_starts_nocase(name, SLICE("x-")) ? FIELD_DROPPED : FIELD_FLAW;
}

void write_part_header(struct buf *out, struct slice header)
{
    struct field field;
    struct slice raw;

    while (next_raw(&header, &field, &raw)) {
        if (field_fate(field.name) == FIELD_COPIED) {
            buf_add(out, raw);
        }
    }
    buf_add_text(out, "\r\n");
}

void write_header_base64(struct buf *out, const struct entity *part)
{
    struct slice header = part->header;
    struct field field;
    struct slice raw;

    while (next_raw(&header, &field, &raw)) {
        bool stays = part->letter ? field.name.len > 0 : field_fate(field.name) == FIELD_COPIED;
        if (stays && !slice_equal_nocase(field.name, SLICE("content-transfer-encoding")) &&
            !slice_equal_nocase(field.name, SLICE("content-md5"))) {
            buf_add(out, raw);
        }
    }
    buf_add_text(out, "Content-Transfer-Encoding: base64\r\n\r\n");
}

void write_fields(struct buf *out, struct slice header, bool about_content)
{
    struct field field;
    struct slice raw;

    while (next_raw(&header, &field, &raw)) {
        if (field.name.len && is_about_content(field.name) == about_content) {
            buf_add(out, raw);
        }
    }
}

bool has_field(struct slice header, struct slice name)
{
    struct field field;

    while (field_next(&header, &field)) {
        if (slice_equal_nocase(field.name, name)) {
            return true;
        }
    }
    return false;
}
