/* formats/mail/charset - bytes of some charset into UTF-8, at all costs (see text.h). */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

/**
 * Append s as valid UTF-8.
 *
 * @param charset  its name in any case. Of an unknown one the ASCII bytes are taken as they are
 * @param out      what cannot be read becomes U+FFFD; when it is full, its content ends with a
 *                 whole character
 */
void mail_charset_convert(struct slice charset, struct slice s, struct buf *out);

/* Whether every ASCII character of a text in that charset is one in what mail_charset_convert()
 * makes of it, even without converter: bytes of UTF-7, UTF-16 or EBCDIC may mean anything. */
bool mail_charset_known(struct slice charset);

/* Whether it is converted without iconv(3), whose converters a process behind walls cannot load: of others U+FFFD does not
 * say that the bytes are none of that charset. */
bool mail_charset_own(struct slice charset);
