/* formats/smime/ocsp - what an authority's responder says of certificates (OCSP, RFC 6960).
 *
 * A question is the same whenever it is asked (no nonce, RFC 5019), so that its answer can be kept until it ends; who answers, and for
 * how long that holds, is signed. For the files of this module; pure. */
#pragma once

#include "formats/smime/internal.h"

#define SMIME_PATH_MAX (SMIME_CERTIFICATES_MAX + 2) /* certificates of a path, anchor included */

enum smime_status {
    SMIME_STATUS_NONE, /* nobody says, or does not know */
    SMIME_STATUS_GOOD,
    SMIME_STATUS_REVOKED
};

/* Add to `places` what to ask about a path that was verified, holder first, anchor last: one question for a certificate that
 * says where (HTTP). */
void smime_ocsp_ask(STACK_OF(X509) * path, struct smime_places *places);

/**
 * Read the wish's answers about a path that was verified. One counts when it is signed by the issuer, or by whom that made a
 * responder (id-kp-OCSPSigning), with no less than SHA-224, and at that time.
 *
 * @param store   of the anchors
 * @param places  may be NULL; else told until when each answer holds
 * @param of      SMIME_PATH_MAX of them, one a certificate; revoked in one answer is revoked
 */
void smime_ocsp_read(STACK_OF(X509) * path, X509_STORE *store, const struct smime_wish *wish,
                     struct smime_places *places, enum smime_status *of);
