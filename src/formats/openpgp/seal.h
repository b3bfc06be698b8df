/* formats/openpgp/seal - a letter's payload encrypted to some keys, as PGP/MIME (RFC 3156 section 4).
 *
 * Encrypted with AES-256 and a modification detection code (packet 18 version 1 of RFC 9580), not compressed: that is what
 * every program in use reads. The newer packets are not written: librnp knows the draft before RFC 9580 alone. Who can open it is to
 * be seen by the ids of their subkeys; nobody else's is in it. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#define OPENPGP_BOUNDARY_LEN 24 /* random bytes of hexadecimal in a boundary */

/**
 * Encrypt packets.
 *
 * @param keys     as openpgp_key_read() gave their bytes, at least one; each is judged again
 * @param packets  a literal or signed message (formats/openpgp/packet)
 * @param now_s    seconds since 1970
 * @param out      the message is appended, armored
 * @return         false with ERROR_INPUT when a key cannot be used (the sentence says why), ERROR_LIMIT when it does not fit
 */
bool openpgp_encrypt(const struct slice *keys, size_t n_keys, struct slice packets, int64_t now_s,
                     struct buf *out, struct error *e) MUST_CHECK;

/* Append what stands before the armored message in a protected letter: the outer header (formats/mail/covered), MIME fields,
 * the first part. `boundary`: random, the same for both halves. */
void openpgp_mime_begin(struct slice outer, const uint8_t boundary[static OPENPGP_BOUNDARY_LEN],
                        struct buf *out);

/* Append what stands behind it. */
void openpgp_mime_end(const uint8_t boundary[static OPENPGP_BOUNDARY_LEN], struct buf *out);

/* The same around a payload that is signed alone (RFC 3156 section 5), which follows the first half byte for byte. `signature`: the packet. */
void openpgp_signed_begin(struct slice outer, const uint8_t boundary[static OPENPGP_BOUNDARY_LEN],
                          struct buf *out);
void openpgp_signed_end(struct slice signature, const uint8_t boundary[static OPENPGP_BOUNDARY_LEN],
                        struct buf *out);
