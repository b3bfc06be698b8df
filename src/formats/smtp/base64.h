/* formats/smtp/base64 - the base64 of AUTH exchanges (RFC 4648 section 4, RFC 4954), strict. */
#pragma once

#include "base/slice.h"

/* Octets that `len` octets become. */
#define SMTP_BASE64_LEN(len) (((len) + 2) / 3 * 4)

/**
 * Decode a whole text: padded, no other characters, no stray bits.
 *
 * @param out  `max` octets of room; may hold part of the result after a failure
 * @return     false when it is malformed or longer than `max`
 */
bool smtp_base64_decode(struct slice in, uint8_t *out, size_t max, size_t *len)
    __attribute__((warn_unused_result));

/* Encode into SMTP_BASE64_LEN(in.len) octets of room; returns their number. */
size_t smtp_base64_encode(struct slice in, uint8_t *out);
