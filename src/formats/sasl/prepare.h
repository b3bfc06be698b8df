/* formats/sasl/prepare - a password as SCRAM hashes it: prepared by SASLprep (RFC 4013) over GNU libidn, which the
 * GNU SASL library uses as well, so that both ends come to the same octets.
 *
 * PLAIN, LOGIN and the verifiers of argon2 take a password in its normal form (passwords/normal), of which this makes the
 * same but for compatibility characters younger than Unicode 3.2: with those SCRAM does not sign in. Thread-safe. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

/* Append the prepared form of a password; nothing is left behind elsewhere. Code points that Unicode 3.2 did not assign pass
 * unchanged: people choose them, and clients let them pass. False when it is no UTF-8, holds what RFC 4013
 * section 2.3 prohibits, or nothing is left of it: such a password cannot be used with SCRAM. */
bool sasl_prepare(struct slice password, struct buf *out) __attribute__((warn_unused_result));
