/* formats/jose/base64url - base64 as JOSE has it (RFC 7515 section 2): its own two letters, no padding, strict: every octet
 * string has one text. Thread-safe. */
#pragma once

#include "base/base64.h"

/* Letters that `len` octets become. */
#define BASE64URL_LEN(len) BASE64_LEN(len)

/**
 * Decode a whole text.
 *
 * @param out  `max` octets of room; may hold part of the result after a failure
 * @return     false when it is malformed, has stray bits, or is longer than `max`
 */
bool base64url_decode(struct slice in, uint8_t *out, size_t max, size_t *len)
    __attribute__((warn_unused_result));

/* Encode into BASE64URL_LEN(in.len) letters of room; returns their number. */
size_t base64url_encode(struct slice in, uint8_t *out);
