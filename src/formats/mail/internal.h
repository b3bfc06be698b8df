/* formats/mail/internal - small scanners that header, address and text share. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

static inline bool mail_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* Folding white space inside a value: the lexer lets CR and LF in only where a fold is. */
static inline bool mail_is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/**
 * mail_text_decode() for what may deceive: a display name or a comment.
 *
 * @param deceptive  set to true, otherwise untouched, when encoded words hold control characters
 *                   (a NUL at which programs stop, a line end), or are written in a charset that is
 *                   unknown here or in malformed base64 or quoted-printable, so that a program may
 *                   find another text than we; when something like an encoded word is left
 *                   undecoded; when the text turns the direction of writing, or was cut
 */
struct slice mail_text_decode_name(struct slice value, struct arena *arena, bool *deceptive);

/* Whether a text holds a control character other than the tab, or what Unicode calls a line end. */
bool mail_has_control(struct slice text);

/* Remove the white space, folds included, at both ends. */
struct slice mail_trim(struct slice s);

/* Of a field's value what stands before the next semicolon that is in no quoted string (RFC 2045 section 5.1); *rest is what stands behind. */
struct slice mail_cut_parameter(struct slice s, struct slice *rest);

/* atext of RFC 5322 section 3.2.3, and bytes above 127 (RFC 6532 section 3.2). */
bool mail_is_atext(uint8_t c);

/* dot-atom-text of the same section: atoms with single dots between them. */
bool mail_is_dot_atom(struct slice s);

/**
 * Find an encoded word (RFC 2047 section 2) at the very start of s.
 *
 * @param charset  set to the charset without a language suffix (RFC 2231 section 5)
 * @param encoding 'b' or 'q'
 * @param text     the encoded text
 * @return         its length in bytes, or 0 when there is none
 */
size_t mail_encoded_word(struct slice s, struct slice *charset, uint8_t *encoding,
                         struct slice *text);
