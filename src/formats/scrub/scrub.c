#include "formats/scrub/scrub.h"

#include "formats/document/kind.h"
#include "formats/scrub/internal.h"

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
    if (scrub_is_heif(bytes)) {
        return scrub_heif(bytes, out, what);
    }
    return SCRUB_NOTHING;
}

enum scrub_end scrub_refuse(struct buf *what, const char *why)
{
    buf_reset(what);
    buf_add_text(what, why);
    return SCRUB_CANNOT;
}

enum scrub_end scrub_end_with(struct buf *what, struct slice stays)
{
    bool some = what->len != 0;

    if (stays.len == 0) {
        return some ? SCRUB_CLEANED : SCRUB_NOTHING;
    }
    buf_add_text(what, some ? "; " : "");
    buf_add(what, stays);
    return some ? SCRUB_PARTLY : SCRUB_CANNOT;
}

struct slice scrub_say_part(struct buf *what, struct slice words)
{
    static const char between[] = "; it holds ";
    const uint8_t *at =
        words.len ? memmem(words.ptr, words.len, between, sizeof(between) - 1) : NULL;
    size_t len = at ? (size_t)(at - words.ptr) : words.len;

    scrub_say_all(what, slice_head(words, len));
    return slice_from(words, at ? len + 2 : len);
}

enum scrub_end scrub_refuse_kind(struct buf *what)
{
    return scrub_refuse(what, "it is of a kind that is not changed");
}

enum scrub_end scrub_media(struct slice bytes, struct buf *out, struct buf *what)
{
    static const struct {
        struct slice mark;
        enum scrub_end (*clean)(struct slice bytes, struct buf *out, struct buf *what);
    } others[] = {
        {SLICE_INIT("8BPS\0"),                   scrub_psd },
        {SLICE_INIT("\0\0\0\x0cJXL \r\n\x87\n"), scrub_jxl },
        {SLICE_INIT("ID3\2"),                    scrub_mpeg},
        {SLICE_INIT("ID3\3"),                    scrub_mpeg},
        {SLICE_INIT("ID3\4"),                    scrub_mpeg},
        {SLICE_INIT("fLaC"),                     scrub_mpeg}, /* which may have tags as well */
    };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (slice_starts(bytes, others[i].mark)) {
            return others[i].clean(bytes, out, what);
        }
    }
    if (slice_starts(bytes, SLICE("RIFF")) && slice_starts(slice_from(bytes, 8), SLICE("WAVE"))) {
        return scrub_wave(bytes, out, what);
    }
    if (scrub_is_film(bytes)) {
        return scrub_film(bytes, out, what);
    }
    if (scrub_is_mpeg_sound(bytes)) {
        return scrub_mpeg(bytes, out, what);
    }
    return scrub_is_svg(bytes) ? scrub_svg(bytes, out, what) : scrub_picture(bytes, out, what);
}

static enum scrub_end scrub_kind(struct slice bytes, size_t *spent, size_t *unpacked,
                                 struct buf *out, struct buf *what)
{
    enum scrub_end end = scrub_media(bytes, out, what);
    bool encrypted = false;

    if (!spent && slice_starts(bytes, SLICE("\x1f\x8b\x08"))) {
        return scrub_gzip(bytes, unpacked, out, what);
    }
    if (end != SCRUB_NOTHING) {
        return end;
    }
    if (scrub_is_other_kind(bytes)) {
        return scrub_refuse_kind(what);
    }
    buf_reset(out); /* a picture that says nothing was copied */
    switch (document_kind_of_bytes(slice_head(bytes, DOCUMENT_HEAD_LEN))) {
    case DOCUMENT_PDF:
        return scrub_pdf(bytes, out, what);
    case DOCUMENT_ZIP:
        return scrub_office(bytes, spent, out, what);
    case DOCUMENT_ARCHIVE:
        return scrub_refuse(what, SCRUB_ARCHIVE);
    case DOCUMENT_OLE: /* .doc, .xls, .ppt, .msg: names stand in many places of it */
        (void)document_ole_reason(bytes, &encrypted);
        return scrub_refuse(what, encrypted ? SCRUB_ENCRYPTED : SCRUB_OLDER);
    case DOCUMENT_RTF:
        return scrub_rtf(bytes, out, what);
    case DOCUMENT_OTHER:
    case DOCUMENT_TEXT:
    case DOCUMENT_HTML:
    case DOCUMENT_LETTER:
    case DOCUMENT_MEDIA:
    case DOCUMENT_PROGRAM:
    case DOCUMENT_KINDS:
        break;
    }
    return SCRUB_NOTHING;
}

static enum scrub_end scrub_any(struct slice bytes, size_t *spent, size_t *unpacked,
                                struct buf *out, struct buf *what)
{
    bool large = bytes.len > SCRUB_FILE_MAX;
    enum scrub_end end = large ? SCRUB_CANNOT : scrub_kind(bytes, spent, unpacked, out, what);

    if (end == SCRUB_CANNOT && !slice_starts(buf_slice(what), SLICE("it "))) {
        return scrub_refuse(what, large || out->full ? SCRUB_LARGE : SCRUB_DAMAGED);
    }
    return end;
}

enum scrub_end scrub_file(struct slice bytes, struct buf *out, struct buf *what)
{
    size_t unpacked = 0;

    return scrub_any(bytes, NULL, &unpacked, out, what);
}

enum scrub_end scrub_file_of_letter(struct slice bytes, size_t *unpacked, struct buf *out,
                                    struct buf *what)
{
    return scrub_any(bytes, NULL, unpacked, out, what);
}

enum scrub_end scrub_file_within(struct slice bytes, size_t *spent, struct buf *out,
                                 struct buf *what)
{
    return scrub_any(bytes, spent, spent, out, what);
}
