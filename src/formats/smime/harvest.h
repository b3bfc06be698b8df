/* formats/smime/harvest - the certificate that a signed letter offers, for answers that are encrypted.
 *
 * Strict, because what is taken in here is what a stranger sent: one From address, which the certificate must name; the whole letter
 * signed, and by one signer; a signature over exactly the bytes that stand there, by SHA-2; a chain to whom we trust. Whatever is
 * different offers nothing. What is encrypted is not opened. Pure. */
#pragma once

#include "formats/smime/certificate.h"

enum smime_offer {
    SMIME_OFFERED,
    SMIME_NOT_SIGNED,      /* the letter as a whole is not, or in another way (OpenPGP) */
    SMIME_OTHER_FORM,      /* signed in a form that programs could read differently */
    SMIME_BAD_SIGNATURE,   /* it is not of this text, or not of this certificate's key */
    SMIME_NOT_THE_SENDERS, /* From is another address than those of the certificate */
    SMIME_NOT_TRUSTED, /* the certificate is not good: to sign, or none of the signer's to encrypt */
};

/**
 * Look for the certificate of a letter's sender.
 *
 * @param letter  CRLF line ends
 * @param wish    anchors, time and revocations; the address is the letter's
 * @param out     filled when it is SMIME_OFFERED, from the arena: the certificate to encrypt with, and what its holder's programs
 *                read as the signature says (SMIMECapabilities, RFC 8551 section 2.5.2)
 * @param from    set to the address in From when SMIME_OFFERED, lower case
 */
enum smime_offer smime_harvest(struct slice letter, const struct smime_wish *wish,
                               struct arena *arena, struct smime_certificate *out,
                               struct slice *from) MUST_CHECK;

/* "the signature is not of this text" */
const char *smime_offer_text(enum smime_offer offer);
