/* formats/scrub/internal - what the files of this module share. */
#pragma once

#include "formats/scrub/scrub.h"

/* Add a word to what was taken out, once. */
void scrub_say(struct buf *what, const char *word);

/* Add all words of a list, each once. */
void scrub_say_all(struct buf *what, struct slice words);

/* Say that files of this kind are not changed; CANNOT. */
enum scrub_end scrub_refuse_kind(struct buf *what);

/* A picture, whatever it is of; NOTHING when it is none. */
enum scrub_end scrub_picture(struct slice bytes, struct buf *out, struct buf *what);

/* A number of 1 to 4 bytes; what is behind the end counts as zero. */
uint32_t scrub_number(struct slice s, size_t at, size_t bytes, bool big);

/* Which side of the picture is up by its EXIF data, 1 to 8; 1 when it is not said. */
uint8_t scrub_orientation(struct slice tiff);

/* One kind each, as scrub_file() says. */
enum scrub_end scrub_jpeg(struct slice bytes, struct buf *out, struct buf *what);
enum scrub_end scrub_png(struct slice bytes, struct buf *out, struct buf *what);
enum scrub_end scrub_tiff(struct slice bytes, struct buf *out, struct buf *what);
enum scrub_end scrub_webp(struct slice bytes, struct buf *out, struct buf *what);
enum scrub_end scrub_gif(struct slice bytes, struct buf *out, struct buf *what);
enum scrub_end scrub_heif(struct slice bytes, struct buf *out, struct buf *what);
enum scrub_end scrub_pdf(struct slice bytes, struct buf *out, struct buf *what);
enum scrub_end scrub_office(struct slice bytes, struct buf *out, struct buf *what);
