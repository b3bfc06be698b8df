/* GIF by its blocks ("Graphics Interchange Format, Version 89a"). */
#include "formats/scrub/internal.h"

#define HEAD       13 /* signature and logical screen descriptor */
#define FLAGS      10 /* of the screen, where they stand */
#define IMAGE      10 /* an image descriptor with its separator */
#define SEPARATOR  0x2c
#define EXTENSION  0x21
#define TRAILER    0x3b
#define COMMENT    0xfe
#define PROGRAM    0xff /* an application extension */
#define PROGRAM_ID 11

/* Bytes of a colour table by the flags before it. */
static size_t colours(uint8_t flags)
{
    return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

/* Length of the sub-blocks at the start of s, their end included; 0 when it is missing. */
static size_t sub_blocks(struct slice s)
{
    size_t at = 0;

    while (at < s.len && s.ptr[at]) {
        at += (size_t)1 + s.ptr[at];
    }
    return at < s.len ? at + 1 : 0;
}

/* What an extension says, or NULL: how a picture moves and its colours stay. */
static const char *secret_of(struct slice extension)
{
    static const char *const staying[] = {"NETSCAPE2.0", "ANIMEXTS1.0", "ICCRGBG1012"};
    struct slice id = slice_head(slice_from(extension, 3), PROGRAM_ID);

    if (extension.ptr[1] != PROGRAM) {
        return extension.ptr[1] == COMMENT ? "comments" : NULL;
    }
    for (size_t i = 0; i < sizeof(staying) / sizeof(staying[0]); i++) {
        if (slice_equal(id, slice_text(staying[i]))) {
            return NULL;
        }
    }
    return slice_equal(id, SLICE("XMP DataXMP")) ? "XMP" : "data of programs";
}

/* Length of the block at the start of s; 0 when it is not whole, or is none. */
static size_t block_len(struct slice s)
{
    size_t head = 0;

    if (s.len > 2 && s.ptr[0] == EXTENSION) {
        head = 2;
    } else if (s.len > IMAGE && s.ptr[0] == SEPARATOR) {
        head = IMAGE + colours(s.ptr[IMAGE - 1]) + 1; /* and how wide codes are */
    }
    size_t rest = head && head < s.len ? sub_blocks(slice_from(s, head)) : 0;
    return rest ? head + rest : 0;
}

enum scrub_end scrub_gif(struct slice bytes, struct buf *out, struct buf *what)
{
    size_t head = HEAD + colours((uint8_t)scrub_number(bytes, FLAGS, 1, true));
    struct slice rest = slice_from(bytes, head);

    buf_add(out, slice_head(bytes, head));
    while (rest.len && rest.ptr[0] != TRAILER) {
        size_t len = block_len(rest);
        struct slice block = slice_head(rest, len);
        if (len == 0) {
            return SCRUB_CANNOT;
        }
        const char *secret = block.ptr[0] == EXTENSION ? secret_of(block) : NULL;
        if (secret) {
            scrub_say(what, secret);
        } else {
            buf_add(out, block);
        }
        rest = slice_from(rest, len);
    }
    buf_add(out, slice_head(rest, 1));
    if (rest.len > 1) {
        scrub_say(what, "data behind the picture");
    }
    return rest.len == 0 || out->full ? SCRUB_CANNOT : what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}
