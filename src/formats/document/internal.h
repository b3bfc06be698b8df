/* formats/document/internal - the pieces of reading a PDF: its words, its objects, its streams, its
 * fonts. An object is the bytes in which it is written; nothing is built from it. */
#pragma once

#include "base/buf.h"
#include "base/own.h"
#include "base/slice.h"

#include "formats/document/pdf.h"

#define PDF_OBJECTS_MAX 400000u      /* that are kept; later ones are left out */
#define PDF_HOLDERS_MAX 20000u       /* streams that hold objects */
#define PDF_HELD_MAX    (48u << 20)  /* bytes of these */
#define PDF_DEPTH_MAX   12u          /* forms within forms, references to references */
#define PDF_FORMS_MAX   4000u        /* forms drawn in a document */
#define PDF_FONTS_MAX   1000u        /* fonts of a document */
#define PDF_RANGES_MAX  1000000u     /* what these say about characters, together */
#define PDF_METER_BYTES (256u << 10) /* of reading between two calls of the meter */

/* ---- pdf_lex.c ---- */

enum pdf_kind {
    PDF_END,
    PDF_NUMBER,
    PDF_NAME,   /* text without the slash, still escaped */
    PDF_STRING, /* text between its parentheses */
    PDF_HEX,    /* text between its angle brackets */
    PDF_ARRAY_OPEN,
    PDF_ARRAY_CLOSE,
    PDF_DICT_OPEN,
    PDF_DICT_CLOSE,
    PDF_WORD, /* an operator, true, obj, R */
};

struct pdf_token {
    enum pdf_kind kind;
    struct slice text;
    double number;
};

/* White space (ISO 32000-1 section 7.2.2), NUL among it. */
bool pdf_is_space(uint8_t c);

/* Take the next token off *rest; false at its end. */
bool pdf_next(struct slice *rest, struct pdf_token *t) __attribute__((warn_unused_result));

/* Take one object, all of an array or dictionary; empty when there is none. A reference is one. */
struct slice pdf_take(struct slice *rest);

/* The value of a key in a dictionary; empty when it has none. */
struct slice pdf_get(struct slice dict, const char *key);

/* Whether an object is that name. */
bool pdf_is_name(struct slice object, const char *name);

/* Whether an object is a reference, and to which number. */
bool pdf_is_reference(struct slice object, uint64_t *number) __attribute__((warn_unused_result));

/* What is inside an array's brackets; empty when it is no array. */
struct slice pdf_elements(struct slice object);

/* A number's value; `otherwise` when the object is none. */
double pdf_number(struct slice object, double otherwise);

/* A number as an index or a length: 0 to `max`, what is beyond it becomes `max`. */
size_t pdf_size(struct slice object, size_t max);

/* Append the bytes that a string object stands for. */
void pdf_string(const struct pdf_token *t, struct buf *out);

/* Append a character as UTF-8; what is none is left out. */
void pdf_add_utf8(struct buf *out, uint32_t c);

/* Append UTF-16, as UTF-8. */
void pdf_add_utf16(struct buf *out, struct slice bytes, bool big_endian);

/* Append a text string (ISO 32000-1 section 7.9.2.2) as UTF-8; `bytes` as pdf_string() gave it. */
void pdf_add_text_string(struct buf *out, struct slice bytes);

/* ---- pdf_objects.c ---- */

struct pdf_object {
    uint32_t number;
    uint32_t order;      /* as found: the last one with a number counts */
    struct slice value;  /* of a stream: its dictionary */
    struct slice stream; /* packed; ptr is NULL when it is none */
};

struct pdf_objects {
    struct slice file;
    const struct pdf_reader *reader;
    struct pdf_found *found;
    struct pdf_object *list; /* by number, each once, after pdf_objects_find() */
    size_t count;
    size_t room;
    struct buf *holders; /* streams of objects, unpacked */
    size_t n_holders;
    size_t held;     /* bytes of these */
    size_t unpacked; /* since the meter was told */
    size_t worked;   /* likewise, bytes read */
};

/* Find all objects; found->encrypted and ->stopped as it goes. */
void pdf_objects_find(struct pdf_objects *o);
void pdf_objects_done(struct pdf_objects *o);

/* NULL when there is none. */
const struct pdf_object *pdf_objects_get(const struct pdf_objects *o, uint64_t number);

/* Follow references until there is none; empty when they lead nowhere. */
struct slice pdf_resolve(const struct pdf_objects *o, struct slice object);

/* pdf_get(), with the reference resolved. */
struct slice pdf_look(const struct pdf_objects *o, struct slice dict, const char *key);

/* The object a reference leads to in the end; NULL when it is a value that stands here. */
const struct pdf_object *pdf_follow(const struct pdf_objects *o, struct slice object);

/* Note that work was done; false when it must end, now and from then on. */
bool pdf_work(struct pdf_objects *o, size_t bytes);

/* ---- pdf_stream.c ---- */

/* Append what a stream holds to `out`, undoing all its filters. False when one cannot be undone (a
 * picture's), or is damaged: what came before the damage is in `out` all the same. */
bool pdf_unpack(struct pdf_objects *o, const struct pdf_object *stream, struct buf *out)
    __attribute__((warn_unused_result));

/* ---- pdf_glyphs.c ---- */

/* Append what a glyph's name stands for (Adobe Glyph List, its Latin part); false when that is not
 * known. */
bool pdf_glyph(struct slice name, struct buf *out);

enum pdf_encoding { PDF_STANDARD, PDF_WIN, PDF_MAC };

/* The character of a code; 0: none. */
uint32_t pdf_encoded(enum pdf_encoding encoding, uint8_t code);

/* ---- pdf_font.c ---- */

struct pdf_font;

struct pdf_fonts {
    struct pdf_objects *objects;
    struct pdf_font *list;
    size_t count;
    size_t ranges; /* of all */
};

/* Free what the fonts hold. */
void pdf_fonts_done(struct pdf_fonts *fonts);

/* The font that an object describes; NULL when there is no room for one more. */
struct pdf_font *pdf_font_get(struct pdf_fonts *fonts, struct slice object);

/* One character of a shown string. */
struct pdf_shown {
    double width; /* in thousandths of the font's size */
    bool blank;   /* the code 32 of one byte, which word spacing applies to */
};

/* Take the next character off *codes and append its text; false at the end. */
bool pdf_font_show(struct pdf_fonts *fonts, struct pdf_font *font, struct slice *codes,
                   struct buf *text, struct pdf_shown *shown) __attribute__((warn_unused_result));

/* ---- pdf_page.c ---- */

struct pdf_drawing {
    struct pdf_objects *objects;
    struct pdf_fonts fonts;
    struct buf *out;
    size_t forms; /* drawn so far */
};

/* Append the text that a page draws. */
void pdf_page(struct pdf_drawing *d, struct slice page);

OWN_VALUE(pdf_objects, struct pdf_objects, pdf_objects_done)
OWN_VALUE(pdf_fonts, struct pdf_fonts, pdf_fonts_done)
