/* formats/scrub/internal - what the files of this module share. */
#pragma once

#include "formats/scrub/package.h"
#include "formats/scrub/scrub.h"

/* Why a file stays as it is. */
#define SCRUB_ARCHIVE   "it is an archive that is not opened"
#define SCRUB_DAMAGED   "it is damaged"
#define SCRUB_ENCRYPTED "it is encrypted"
#define SCRUB_LARGE     "it is too large"
#define SCRUB_OLDER     "it is of an older form, which is not changed"
#define SCRUB_SIGNED    "it is signed"
#define SCRUB_PICTURE   "it holds a picture that cannot be changed"

/* Add a word to what was taken out, once. */
void scrub_say(struct buf *what, const char *word);

/* Add all words of a list, each once. */
void scrub_say_all(struct buf *what, struct slice words);

/* Say why it stays, a sentence that begins with "it "; CANNOT. What is CANNOT without a reason is damaged. */
enum scrub_end scrub_refuse(struct buf *what, const char *why);

/* How it ends when all else is done: `stays` says of what is in the file that it stays, "it holds ...", and is added to what was taken out. */
enum scrub_end scrub_end_with(struct buf *what, struct slice stays);

/* Add what a file within, which is PARTLY cleaned, says was taken out of it; what it says that stays is returned. */
struct slice scrub_say_part(struct buf *what, struct slice words);

/* Say that files of this kind are not changed; CANNOT. */
enum scrub_end scrub_refuse_kind(struct buf *what);

/* A picture, a film or a sound, whatever it is of; NOTHING when it is none. What is packed is not unpacked: there may be many of it in one
 * file. */
enum scrub_end scrub_media(struct slice bytes, struct buf *out, struct buf *what);

/* That a document holds one that cannot be changed, by its first bytes. */
const char *scrub_media_reason(struct slice bytes);

/* As scrub_media(), of pictures by points alone, in which no others are. */
enum scrub_end scrub_picture(struct slice bytes, struct buf *out, struct buf *what);

/* HEIC and AVIF, and no film. */
bool scrub_is_heif(struct slice bytes);

/* An MPEG sound of layer III or AAC that begins without a tag; it may end with one. */
bool scrub_is_mpeg_sound(struct slice bytes);

/* Films and sounds in boxes. */
bool scrub_is_film(struct slice bytes);

/* A picture in tags, and no page for reading with one in it. */
bool scrub_is_svg(struct slice bytes);

/* Pictures, films, sounds and documents that may say who made them, and that nothing here changes. */
bool scrub_is_other_kind(struct slice bytes);

/* The same within a document, but for drawings as Windows keeps them (EMF), which Office makes itself. */
bool scrub_is_other_medium(struct slice bytes);

/* Whether pictures, films and sounds stand there in office documents, and in documents within them. */
bool scrub_is_medium_name(struct slice name);

/* The same of a ZIP archive that is no document of Office or OpenDocument. */
bool scrub_is_other_package(const struct package *p);

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
enum scrub_end scrub_jxl(struct slice bytes, struct buf *out, struct buf *what);
enum scrub_end scrub_psd(struct slice bytes, struct buf *out, struct buf *what);
enum scrub_end scrub_film(struct slice bytes, struct buf *out, struct buf *what); /* MP4, MOV */
enum scrub_end scrub_mpeg(struct slice bytes, struct buf *out, struct buf *what); /* MP3, AAC */
enum scrub_end scrub_flac(struct slice bytes, struct buf *out, struct buf *what);
enum scrub_end scrub_wave(struct slice bytes, struct buf *out, struct buf *what);
enum scrub_end scrub_svg(struct slice bytes, struct buf *out, struct buf *what);
enum scrub_end scrub_pdf(struct slice bytes, struct buf *out, struct buf *what);
enum scrub_end scrub_rtf(struct slice bytes, struct buf *out, struct buf *what);

/* SVGZ; what is unpacked is added to *unpacked. */
enum scrub_end scrub_gzip(struct slice bytes, size_t *unpacked, struct buf *out, struct buf *what);

/* An office document or an archive; `spent` as package_open() says, with it archives are not opened. */
enum scrub_end scrub_office(struct slice bytes, size_t *spent, struct buf *out, struct buf *what);

/* A package that is no such document, such as an archive of files; within another it is not opened. */
enum scrub_end scrub_archive(struct package *p, struct slice bytes, bool within, struct buf *out,
                             struct buf *what);

/* A file within an archive, as scrub_file() says; what is unpacked of it is added to *spent. */
enum scrub_end scrub_file_within(struct slice bytes, size_t *spent, struct buf *out,
                                 struct buf *what);
