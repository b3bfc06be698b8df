/* formats/dkim/internal - the parts of a signature that tests hold against the RFCs' examples. */
#pragma once

#include "base/buf.h"

#include "formats/dkim/dkim.h"

/* Append a field in relaxed canonical form (RFC 6376 section 3.4.2), without its CRLF. */
void dkim_relax_field(struct buf *out, const struct mail_field *field);

/**
 * The data hash of RFC 6376 section 3.7.
 *
 * @param picked           the signed fields in the order of h=
 * @param signature_field  "DKIM-Signature: ... b=" with nothing behind the "b="
 */
void dkim_header_hash(const struct mail_field *const *picked, size_t n_picked,
                      struct slice signature_field, uint8_t hash[static DKIM_DIGEST_LEN]);
