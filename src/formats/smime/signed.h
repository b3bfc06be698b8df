/* formats/smime/signed - SignedData around a signature that somebody else made (RFC 5652 section 5). For this module's files. */
#pragma once

#include "base/buf.h"

#include "formats/smime/internal.h"
#include "formats/smime/seal.h"

/* SHA-256; false when OpenSSL has none. */
bool smime_sha256(struct slice s, uint8_t digest[static SMIME_DIGEST_LEN]);

/* Append a ContentInfo with detached SignedData that holds the chain (DER, one behind the other). */
bool smime_signed_data(X509 *signer, struct slice chain, struct slice attributes,
                       struct slice signature, struct buf *out) MUST_CHECK;

/* Whether the signature over these attributes is that of the certificate's key. */
bool smime_signature_is(X509 *signer, struct slice attributes, struct slice signature) MUST_CHECK;
