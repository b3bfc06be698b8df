/* formats/mime/decode - transfer encodings and character sets, undone. Bounded by the buffers that the caller gives. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

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
