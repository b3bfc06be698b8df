/* formats/text/html - what a reader of an HTML part sees, as plain text for search.
 *
 * A lexer, not a browser: tags and comments go, the contents of script, style and template go,
 * character references are decoded, elements that start a new line or cell separate words while
 * inline ones do not ("ho<b>use</b>" is one word). Input that breaks the rules is read the way
 * browsers read it (an unclosed comment swallows the rest). Pure: no I/O. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

/* Append the text of `html` to `out`. Invalid UTF-8 passes through as it is. When the text does not
 * fit, out->full is set and `out` holds as much of it as did. */
void text_from_html(struct slice html, struct buf *out);

/* Append `html` with its tags, its character references decoded: for who looks for something in attributes. As
 * text_from_html() when it does not fit. */
void text_decode_references(struct slice html, struct buf *out);
