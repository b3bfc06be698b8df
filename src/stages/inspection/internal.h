/* stages/inspection/internal - the pieces of reading one letter: its headers, its encodings. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

#include "letter/findings.h"

/* ---- header.c ---- */

/* One line of a header with its continuations. */
struct field {
    struct slice name;  /* empty: the line is no field, its text is the value */
    struct slice value; /* behind the colon, still folded */
};

/* Cut an entity (a letter or a part) at its first empty line. An entity whose first line is no
 * field has no header. */
void entity_split(struct slice entity, struct slice *header, struct slice *body);

/* Take the next field off *header; false at its end. */
bool field_next(struct slice *header, struct field *field);

/* What Content-Type, Content-Disposition and Content-Transfer-Encoding say about a part. */
struct content_facts {
    struct slice type; /* "text/plain", lower case */
    struct slice boundary;
    struct slice charset; /* lower case; empty when not given */
    struct slice name;
    struct slice smime_type; /* lower case */
    struct slice encoding;   /* lower case; empty when not given */
    enum part_disposition disposition;
    bool repeated;    /* a field or parameter about the content occurs more than once */
    const char *flaw; /* why the part cannot be read, or NULL */
};

/* The next three fill in what one field's value says; texts come from the arena. */
void content_read_type(struct slice value, struct arena *arena, struct content_facts *facts);
void content_read_disposition(struct slice value, struct arena *arena, struct content_facts *facts);
void content_read_encoding(struct slice value, struct arena *arena, struct content_facts *facts);

/* An unstructured field's value with its encoded words decoded (RFC 2047), as UTF-8. */
struct slice header_text(struct slice value, struct arena *arena);

/* ---- decode.c ---- */

/* Open the converters of all character sets we read, so that their code is loaded. */
void charset_init(void);

/**
 * Undo a transfer encoding (RFC 2045 section 6).
 *
 * @param space  holds the result unless the encoding changes nothing; reset first
 * @param out    a view of `body` or of `space`; cut where space->max ends
 * @return       false when the encoding is unknown
 */
bool transfer_decode(struct slice body, struct slice encoding, struct buf *space, struct slice *out)
    __attribute__((warn_unused_result));

/**
 * Turn text into UTF-8; what cannot be converted becomes U+FFFD. Text without a charset, or said
 * to be ASCII, is taken for UTF-8 when it is that and for Windows-1252 otherwise.
 *
 * @param out  a view of `text` or of `space`; cut where space->max ends
 * @return     false when the charset is unknown; *out is then `text`
 */
bool charset_decode(struct slice text, struct slice charset, struct buf *space, struct slice *out)
    __attribute__((warn_unused_result));
