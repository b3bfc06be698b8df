/* formats/scrub - a file without what it says about who made it, where and with what.
 *
 * JPEG: EXIF (but for which side is up), XMP, IPTC, comments, and whatever stands behind the picture. PNG: its texts, EXIF and time. WebP: EXIF (but for
 * which side is up), XMP, data of programs. GIF: comments, XMP, data of programs. HEIC and AVIF: EXIF, XMP, descriptions, names. JPEG XL, Photoshop's: EXIF, XMP, IPTC,
 * previews, data of programs. SVG, SVGZ: all that is not drawn. MP4, MOV: times, places, names, descriptions, tracks of
 * sensors. MP3, AAC, FLAC, WAV: tags. TIFF: all that the picture is not read by. PDF: its
 * information and XMP, by libqpdf. OOXML, OpenDocument and RTF: properties, such as author, company and who changed it last; comments and
 * who wrote them; preview; marks of revisions; printers; data of the pictures, films and sounds within. Tracked changes of texts are accepted: what was
 * inserted stays, what was deleted goes. ZIP archives: the same of the files in them.
 * Speaker's notes and files within a document stay as they are. What is seen stays otherwise: pixels, colours, pages,
 * texts. A file that is damaged or signed stays as it is. Pure; bounded by the size of the file. One thread. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

#define SCRUB_FILE_MAX ((size_t)64 << 20)

enum scrub_end {
    SCRUB_NOTHING, /* there is nothing to take out, or it is of no kind that is known here */
    SCRUB_CLEANED, /* it stands in `out` */
    SCRUB_PARTLY,  /* the same, but for one of the files in it at least, which stays */
    SCRUB_CANNOT,  /* it may say something, and cannot be changed */
};

/**
 * Take it out.
 *
 * @param out   empty; its limit bounds what is made
 * @param what  empty; when CLEANED: what was taken out, "EXIF, XMP"; when CANNOT: why, "it is damaged";
 *              when PARTLY both, "EXIF; it holds a.doc: it is of an older form, which is not changed"
 */
enum scrub_end scrub_file(struct slice bytes, struct buf *out, struct buf *what);

/**
 * The same of one of many files.
 *
 * @param unpacked  bytes that were unpacked of SVGZ files of the same letter, which is counted on; beyond 64 MiB they are CANNOT
 */
enum scrub_end scrub_file_of_letter(struct slice bytes, size_t *unpacked, struct buf *out,
                                    struct buf *what);
