/* base/base64 - base64 without padding (RFC 4648), strict: every octet string has one text. Who needs padding adds and takes it
 * away around this. Thread-safe. */
#pragma once

#include "base/slice.h"

/* Letters that `len` octets become. */
#define BASE64_LEN(len) (((len)*4 + 2) / 3)

enum base64_letters {
    BASE64_PLAIN, /* section 4: + and / */
    BASE64_URL,   /* section 5: - and _ */
};

/**
 * Decode a whole text.
 *
 * @param out  `max` octets of room; may hold part of the result after a failure
 * @return     false when it has other letters, a length that no octets have, or stray bits, or is longer than `max`
 */
bool base64_decode(enum base64_letters letters, struct slice in, uint8_t *out, size_t max,
                   size_t *len) __attribute__((warn_unused_result));

/* Encode into BASE64_LEN(in.len) letters of room; returns their number. */
size_t base64_encode(enum base64_letters letters, struct slice in, uint8_t *out);
