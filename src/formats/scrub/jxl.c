/* JPEG XL in the boxes of ISO/IEC 18181-2. What holds the picture stays as it is; which side is up stands in there (18181-1), and EXIF is not
 * asked. */
#include "formats/scrub/boxes.h"
#include "formats/scrub/internal.h"

#define BOXES_MAX 100000

/* What a box holds that is to go, or NULL. Without what it needs to become the JPEG file again that it was, whose comments stand there, it is
 * the same picture. */
static const char *secret_of(const struct box *box)
{
    static const struct {
        const char *type;
        const char *word;
    } rows[] = {
        {"JXL ", NULL                 },
        {"ftyp", NULL                 },
        {"jxll", NULL                 },
        {"jxlc", NULL                 },
        {"jxlp", NULL                 },
        {"jxli", NULL                 },
        {"jhgm", NULL                 }, /* how bright it is on other screens */
        {"Exif", "EXIF"               },
        {"xml ", "XMP"                },
        {"jbrd", "data of a JPEG file"},
    };

    bool packed = slice_equal(box->type, SLICE("brob"));
    struct slice type = packed ? slice_head(box->body, 4) : box->type;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (slice_equal(type, slice_text(rows[i].type))) {
            return rows[i].word || !packed ? rows[i].word : "data of programs";
        }
    }
    return "data of programs";
}

/* The last box may have no length of its own: nothing stands behind it. */
enum scrub_end scrub_jxl(struct slice bytes, struct buf *out, struct buf *what)
{
    struct slice rest = bytes;
    struct box box;
    bool picture = false;

    for (size_t n = 0; rest.len; n++) {
        if (n == BOXES_MAX || !box_next(&rest, &box)) {
            return SCRUB_CANNOT;
        }
        const char *secret = secret_of(&box);
        if (secret) {
            scrub_say(what, secret);
        } else {
            buf_add(out, box.raw);
        }
        picture = picture || slice_starts(box.type, SLICE("jxlc")) ||
                  slice_starts(box.type, SLICE("jxlp"));
    }
    if (!picture || out->full) {
        return SCRUB_CANNOT;
    }
    return what->len ? SCRUB_CLEANED : SCRUB_NOTHING;
}
