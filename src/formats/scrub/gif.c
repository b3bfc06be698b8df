/* GIF by its blocks ("Graphics Interchange Format, Version 89a"). */
#include "formats/scrub/internal.h"

#define HEAD           13 /* signature and logical screen descriptor */
#define FLAGS          10 /* of the screen, where they stand */
#define IMAGE          10 /* an image descriptor with its separator */
#define SEPARATOR      0x2c
#define EXTENSION      0x21
#define TRAILER        0x3b
#define COMMENT        0xfe
#define CONTROL        0xf9
#define PLAIN_TEXT     0x01
#define PROGRAM        0xff /* an application extension */
#define PROGRAM_ID     11
#define PROGRAM_BLOCKS 14 /* where its data begin */

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

/* How often a picture is shown, in blocks of that length alone. */
static bool is_loop(struct slice extension)
{
    struct slice blocks = slice_from(extension, PROGRAM_BLOCKS);

    while (blocks.len && (blocks.ptr[0] == 3 || blocks.ptr[0] == 5)) {
        blocks = slice_from(blocks, (size_t)1 + blocks.ptr[0]);
    }
    return blocks.len == 1;
}

/* What an extension says, or NULL: how a picture moves, its colours, and text that is seen stay. */
static const char *secret_of(struct slice extension)
{
    struct slice id = slice_head(slice_from(extension, 3), PROGRAM_ID);

    switch (extension.ptr[1]) {
    case CONTROL:
    case PLAIN_TEXT:
        return NULL;
    case COMMENT:
        return "comments";
    case PROGRAM:
        break;
    default:
        return "data of programs";
    }
    if (slice_equal(id, SLICE("ICCRGBG1012")) ||
        ((slice_equal(id, SLICE("NETSCAPE2.0")) || slice_equal(id, SLICE("ANIMEXTS1.0"))) &&
         is_loop(extension))) {
        return NULL;
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

/* One block: kept, or named. Programs skip zeros between blocks. */
static void take(struct slice block, struct buf *out, struct buf *what)
{
    const char *secret = block.ptr[0] == EXTENSION ? secret_of(block) : NULL;

    if (secret) {
        scrub_say(what, secret);
    } else if (block.ptr[0]) {
        buf_add(out, block);
    }
}

/* A picture whose end is not marked ends with its last block, and gets a mark when something is taken out. */
enum scrub_end scrub_gif(struct slice bytes, struct buf *out, struct buf *what)
{
    size_t head = HEAD + colours((uint8_t)scrub_number(bytes, FLAGS, 1, true));
    struct slice rest = slice_from(bytes, head);

    if (bytes.len <= head) {
        return SCRUB_CANNOT;
    }
    buf_add(out, slice_head(bytes, head));
    while (rest.len && rest.ptr[0] != TRAILER) {
        size_t len = rest.ptr[0] ? block_len(rest) : 1;
        if (len == 0) {
            return SCRUB_CANNOT;
        }
        take(slice_head(rest, len), out, what);
        rest = slice_from(rest, len);
    }
    buf_add_byte(out, TRAILER);
    if (rest.len > 1) {
        scrub_say(what, "data behind the picture");
    }
    return out->full ? SCRUB_CANNOT : what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}
