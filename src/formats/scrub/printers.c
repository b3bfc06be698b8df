#include "formats/scrub/printers.h"

#define NAME_LEN    64 /* bytes of the printer's name, of which a DEVMODE begins */
#define SIZE_AT     68 /* how long it is */
#define EXTRA_AT    70 /* and what the driver noted behind it */
#define DEVMODE_MIN 72
#define DEVMODE_MAX 1024

bool printer_is_settings(struct slice name)
{
    static const char folder[] = "/printerSettings/";

    return name.len && memmem(name.ptr, name.len, folder, sizeof(folder) - 1) != NULL;
}

void printer_clean(struct slice part, struct buf *out)
{
    size_t size = part.len >= DEVMODE_MIN
                      ? (size_t)part.ptr[SIZE_AT] | (size_t)part.ptr[SIZE_AT + 1] << 8
                      : 0;

    if (slice_starts(part, SLICE("<?xml"))) { /* macOS */
        buf_add_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                          "<plist version=\"1.0\"><dict/></plist>\n");
        return;
    }
    if (size < DEVMODE_MIN || size > DEVMODE_MAX || size > part.len) {
        return;
    }
    size_t begin = out->len;
    buf_add(out, slice_head(part, size));
    if (!out->full) {
        (void)memset(out->ptr + begin, 0, NAME_LEN);
        out->ptr[begin + EXTRA_AT] = 0;
        out->ptr[begin + EXTRA_AT + 1] = 0;
    }
}

bool printer_is_item(const struct xml_token *token)
{
    static const char *const names[] = {"PrinterName", "PrinterSetup", "Rsid", "RsidRoot"};
    struct slice name = xml_attribute(token, "config:name");
    bool found = false;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && token->kind == XML_OPEN; i++) {
        found = found || slice_equal(name, slice_text(names[i]));
    }
    return found;
}
