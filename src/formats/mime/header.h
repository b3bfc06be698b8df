/* formats/mime/header - the header of a part as mail programs read it: fields, and what they say about its content.
 *
 * For search, and for rewriting what a letter carries; never for who sent it, which formats/mail reads. Cut by a
 * scanner of our own; GMime decodes parameters (RFC 2231) and encoded words (RFC 2047). */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/slice.h"

#define MIME_PARAMETERS_MAX 100 /* of one header field */

/* Load GMime and the character sets, which cannot be loaded from within a sandbox. Once, at the start of the process. */
void mime_init(void);

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

/* Of a part; as letter/findings numbers them. */
enum content_disposition { CONTENT_UNSPECIFIED = 0, CONTENT_INLINE = 1, CONTENT_ATTACHMENT = 2 };

/* What Content-Type, Content-Disposition and Content-Transfer-Encoding say about a part. */
struct content_facts {
    struct slice type; /* "text/plain", lower case */
    struct slice boundary;
    struct slice charset; /* lower case; empty when not given */
    struct slice name;
    struct slice smime_type; /* lower case */
    struct slice encoding;   /* lower case; empty when not given */
    enum content_disposition disposition;
    bool repeated;    /* a field or parameter about the content occurs more than once */
    const char *flaw; /* why the part cannot be read, or NULL */
};

/* The next three fill in what one field's value says; texts come from the arena. */
void content_read_type(struct slice value, struct arena *arena, struct content_facts *facts);
void content_read_disposition(struct slice value, struct arena *arena, struct content_facts *facts);
void content_read_encoding(struct slice value, struct arena *arena, struct content_facts *facts);

/* An unstructured field's value with its encoded words decoded (RFC 2047), as UTF-8. */
struct slice header_text(struct slice value, struct arena *arena);
