/* formats/mail/text - header text for people: unfolding and encoded words (RFC 2047).
 *
 * What comes out is always valid UTF-8 without control characters, whatever went in; a byte or a
 * charset that cannot be read becomes U+FFFD. For display and search alone: nothing that decides
 * reads decoded text. Charsets beyond UTF-8, ASCII, ISO-8859-1 and Windows-1252 go through
 * iconv(3), and of its many only those on our own list, because its less common converters have
 * a history of overflows; where the sandbox hides iconv's files these too become U+FFFD. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

#define MAIL_TEXT_MAX 8192 /* bytes of decoded text; more is cut at a character */

/* Decode an unstructured field's value, or a phrase, into UTF-8 of at most MAIL_TEXT_MAX bytes.
 * What comes back looks into `value` when there was nothing to decode. */
struct slice mail_text_decode(struct slice value, struct arena *arena);

/* Whether s holds something of the form =?charset?B-or-Q?text?= */
bool mail_text_has_encoded_word(struct slice s);
