/* The properties of an OOXML document are parts of its package: they are replaced by empty ones, so that whatever refers to them
 * finds them. Everything else is copied as it is packed. */
#include <zip.h>

#include "formats/scrub/internal.h"

#define STEP ((size_t)1 << 20)

static const struct {
    const char *name;
    const char *empty;
} parts[] = {
    {"docProps/core.xml",
     "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n<cp:coreProperties "
     "xmlns:cp=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\"/>"},
    {"docProps/app.xml",
     "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n<Properties "
     "xmlns=\"http://schemas.openxmlformats.org/officeDocument/2006/extended-properties\"/>" },
    {"docProps/custom.xml",
     "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n<Properties "
     "xmlns=\"http://schemas.openxmlformats.org/officeDocument/2006/custom-properties\"/>"   },
};

/* An archive in memory while it is changed. */
struct changing {
    zip_source_t *source;
    zip_t *zip;
};

static void abandon(struct changing *c)
{
    if (c->zip) {
        zip_discard(c->zip);
    }
    zip_source_free(c->source);
}

OWN_VALUE(changing, struct changing, abandon)

static bool open_copy(struct changing *c, struct slice bytes)
{
    c->source = zip_source_buffer_create(bytes.ptr, bytes.len, 0, NULL);
    if (!c->source) {
        return false;
    }
    zip_source_keep(c->source);
    c->zip = zip_open_from_source(c->source, 0, NULL);
    if (!c->zip) {
        zip_source_free(c->source);
    }
    return c->zip != NULL;
}

static bool has(zip_t *zip, const char *name)
{
    return zip_name_locate(zip, name, 0) >= 0;
}

/* Put an empty part in the place of one; false when that fails. */
static bool empty_part(zip_t *zip, size_t which)
{
    zip_int64_t at = zip_name_locate(zip, parts[which].name, 0);
    zip_source_t *s = zip_source_buffer(zip, parts[which].empty, strlen(parts[which].empty), 0);

    if (!s || zip_file_replace(zip, (zip_uint64_t)at, s, 0) != 0) {
        zip_source_free(s);
        return false;
    }
    return true;
}

static bool read_all(zip_source_t *source, struct buf *out)
{
    zip_int64_t n = 0;

    if (zip_source_open(source) != 0) {
        return false;
    }
    do {
        uint8_t *room = buf_room(out, STEP);
        n = room ? zip_source_read(source, room, STEP) : -1;
        out->len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    (void)zip_source_close(source);
    return n == 0;
}

enum scrub_end scrub_office(struct slice bytes, struct buf *out, struct buf *what)
{
    OWN(changing) struct changing c = {0};

    if (!open_copy(&c, bytes)) {
        return SCRUB_CANNOT;
    }
    if (!has(c.zip, "[Content_Types].xml")) {
        return SCRUB_NOTHING; /* an archive, whose files are its sender's business */
    }
    if (has(c.zip, "_xmlsignatures/origin.sigs")) {
        return SCRUB_CANNOT;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (!has(c.zip, parts[i].name)) {
            continue;
        }
        if (!empty_part(c.zip, i)) {
            return SCRUB_CANNOT;
        }
        scrub_say(what, "document properties");
    }
    if (what->len == 0) {
        return SCRUB_NOTHING;
    }
    if (zip_close(c.zip) != 0) {
        return SCRUB_CANNOT;
    }
    c.zip = NULL;
    return read_all(c.source, out) ? SCRUB_CLEANED : SCRUB_CANNOT;
}
