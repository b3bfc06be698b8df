/* formats/document/rtf - the text of a document in Rich Text Format 1.9.1.
 *
 * A lexer with a bounded stack of groups. What a reader sees and what the document carries besides
 * (notes, headers, comments, hidden and deleted text, properties, the instructions of fields) is
 * text; tables of fonts, colours and styles, pictures and embedded objects are not. Pure. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

/* Appends `bytes`, written in that Windows code page, to `out` as UTF-8. */
typedef void rtf_convert(unsigned code_page, struct slice bytes, struct buf *out);

struct rtf_found {
    bool objects;  /* embedded objects were passed over */
    bool too_deep; /* groups were nested deeper than is followed: their text is missing */
};

/* Append the text of `rtf` to `out`; out->full when it does not fit. */
void text_from_rtf(struct slice rtf, rtf_convert *convert, struct buf *out,
                   struct rtf_found *found);
