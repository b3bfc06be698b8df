#include "formats/scrub/scrub.h"

#include "formats/document/kind.h"
#include "formats/scrub/internal.h"

#define SVG_HEAD   ((size_t)64 << 10)
#define BRANDS_END 200 /* bytes of a file in which they stand */

void scrub_say(struct buf *what, const char *word)
{
    if (what->len == 0 || !memmem(what->ptr, what->len, word, strlen(word))) {
        buf_add_text(what, what->len ? ", " : "");
        buf_add_text(what, word);
    }
}

void scrub_say_all(struct buf *what, struct slice words)
{
    static const char between[] = ", ";

    while (words.len) {
        const uint8_t *end = memmem(words.ptr, words.len, between, 2);
        char word[64] = "";
        struct slice one = end ? slice_head(words, (size_t)(end - words.ptr)) : words;
        one = slice_head(one, sizeof(word) - 1);
        (void)memcpy(word, one.ptr, one.len);
        scrub_say(what, word);
        words = end ? slice_from(words, (size_t)(end - words.ptr) + 2) : SLICE_NONE;
    }
}

/* Whether one of the brands that a file of ISO boxes names is that of still pictures. */
static bool is_heif(struct slice bytes)
{
    static const char brands[][5] = {"heic", "heix", "heim", "heis", "mif1", "miaf", "avif"};
    struct slice head = slice_head(bytes, scrub_number(bytes, 0, 4, true));

    if (!slice_starts(slice_from(bytes, 4), SLICE("ftyp"))) {
        return false;
    }
    for (size_t at = 8; at + 4 <= head.len && at < BRANDS_END; at += 4) {
        for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++) {
            if (slice_starts(slice_from(head, at), slice_text(brands[i]))) {
                return true;
            }
        }
    }
    return false;
}

enum scrub_end scrub_picture(struct slice bytes, struct buf *out, struct buf *what)
{
    if (slice_starts(bytes, SLICE("\xff\xd8\xff"))) {
        return scrub_jpeg(bytes, out, what);
    }
    if (slice_starts(bytes, SLICE("\x89PNG\r\n\x1a\n"))) {
        return scrub_png(bytes, out, what);
    }
    if (slice_starts(bytes, SLICE("II*\0")) || slice_starts(bytes, SLICE("MM\0*"))) {
        return scrub_tiff(bytes, out, what);
    }
    if (slice_starts(bytes, SLICE("RIFF")) && slice_starts(slice_from(bytes, 8), SLICE("WEBP"))) {
        return scrub_webp(bytes, out, what);
    }
    if (slice_starts(bytes, SLICE("GIF87a")) || slice_starts(bytes, SLICE("GIF89a"))) {
        return scrub_gif(bytes, out, what);
    }
    if (is_heif(bytes)) {
        return scrub_heif(bytes, out, what);
    }
    return SCRUB_NOTHING;
}

static bool holds(struct slice s, const char *part)
{
    return s.len && memmem(s.ptr, s.len, part, strlen(part)) != NULL;
}

/* An SVG picture, and no page for reading with one in it. */
static bool is_svg(struct slice bytes)
{
    bytes = slice_head(bytes, SVG_HEAD);
    bytes = slice_from(bytes, slice_starts(bytes, SLICE("\xef\xbb\xbf")) ? 3 : 0);
    while (bytes.len && strchr(" \t\r\n", bytes.ptr[0])) {
        bytes = slice_from(bytes, 1);
    }
    return slice_starts(bytes, SLICE("<")) && holds(bytes, "<svg") && !holds(bytes, "<html") &&
           !holds(bytes, "<HTML");
}

/* Pictures, films and sounds that may say who made them, and that nothing here changes: BigTIFF, JPEG XL, JPEG 2000, Photoshop's; `ftyp`: MP4. */
static bool is_other_media(struct slice bytes)
{
    static const struct slice marks[] = {
        SLICE_INIT("II\x2b\0"),       SLICE_INIT("MM\0\x2b"),         SLICE_INIT("\0\0\0\x0cJXL "),
        SLICE_INIT("\0\0\0\x0cjP  "), SLICE_INIT("\xff\x4f\xff\x51"), SLICE_INIT("8BPS")};
    bool film = slice_starts(slice_from(bytes, 4), SLICE("ftyp")) && !is_heif(bytes);
    bool found = film || is_svg(bytes);

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        found = found || slice_starts(bytes, marks[i]);
    }
    return found;
}

enum scrub_end scrub_refuse_kind(struct buf *what)
{
    buf_reset(what);
    buf_add_text(what, "it is of a kind that is not changed");
    return SCRUB_CANNOT;
}

static enum scrub_end scrub_kind(struct slice bytes, struct buf *out, struct buf *what)
{
    enum scrub_end end = scrub_picture(bytes, out, what);

    if (end != SCRUB_NOTHING) {
        return end;
    }
    if (is_other_media(bytes)) {
        return scrub_refuse_kind(what);
    }
    buf_reset(out); /* a picture that says nothing was copied */
    switch (document_kind_of_bytes(slice_head(bytes, DOCUMENT_HEAD_LEN))) {
    case DOCUMENT_PDF:
        return scrub_pdf(bytes, out, what);
    case DOCUMENT_ZIP:
        return scrub_office(bytes, out, what);
    case DOCUMENT_RTF:
    case DOCUMENT_OLE: /* .doc, .xls, .ppt, .msg: names stand in many places of it */
        buf_add_text(what, "it is of an older form, which is not changed");
        return SCRUB_CANNOT;
    case DOCUMENT_OTHER:
    case DOCUMENT_TEXT:
    case DOCUMENT_HTML:
    case DOCUMENT_LETTER:
    case DOCUMENT_ARCHIVE:
    case DOCUMENT_MEDIA:
    case DOCUMENT_PROGRAM:
    case DOCUMENT_KINDS:
        break;
    }
    return SCRUB_NOTHING;
}

enum scrub_end scrub_file(struct slice bytes, struct buf *out, struct buf *what)
{
    bool large = bytes.len > SCRUB_FILE_MAX;
    enum scrub_end end = large ? SCRUB_CANNOT : scrub_kind(bytes, out, what);

    if (end == SCRUB_CANNOT && !slice_starts(buf_slice(what), SLICE("it is "))) {
        buf_reset(what);
        buf_add_text(what, large ? "it is too large" : "it is damaged, signed or encrypted");
    }
    return end;
}
