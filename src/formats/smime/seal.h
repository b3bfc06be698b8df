/* formats/smime/seal - a letter signed and encrypted by S/MIME (RFC 8551) with a protected header (RFC 9788).
 *
 * In three steps, for whoever builds it has no private key: cms_draft_write() says what is to be signed, somebody else signs
 * 32 bytes, smime_seal() makes the letter. Both read the same letter, nothing else is remembered between them. The
 * letter is signed first and then encrypted, so that a stranger sees no signature. Pure: no clock, but OpenSSL's random numbers.
 *
 * Who can read the letter is named by issuer and serial number of the certificates that it is encrypted with, to whoever
 * gets a copy: no two recipients who must not know of each other may share one. */
#pragma once

#include "base/buf.h"

#include "formats/mail/header.h"
#include "formats/smime/certificate.h"

#define SMIME_RECIPIENTS_MAX 1000
#define SMIME_DIGEST_LEN     32
#define SMIME_SIGNATURE_MAX  1024

struct smime_recipient {
    struct slice chain;
    unsigned reads; /* SMIME_READS_... */
};

struct smime_ask {
    const struct mail_header *letter; /* without defect, and without Bcc fields */
    bool encrypt;                     /* the payload is made for encryption */
    struct slice signer;     /* chain of the sender's certificate; empty: it is not signed */
    struct slice attributes; /* of cms_draft_write() */
    struct slice signature;  /* over their digest */
    const struct smime_recipient *recipients; /* with whose certificates it is encrypted */
    size_t n_recipients;
    bool gcm;  /* policy: all of them can read AES-GCM */
    bool oaep; /* policy: all of them can read RSAES-OAEP */
};

/* What was chosen. */
struct smime_made {
    bool gcm;      /* AuthEnvelopedData, RFC 5083; otherwise EnvelopedData with AES-256-CBC */
    size_t n_oaep; /* recipients whose key is wrapped by RSAES-OAEP */
    size_t n_rsa;  /* by PKCS #1 v1.5, which every program reads */
    size_t n_ecdh;
    struct slice outer; /* a line about what stays outside; empty when it is signed alone */
};

/**
 * Append the protected letter: outer header and body, CRLF line ends.
 *
 * @param out  as large as three letters and 64 KiB for each recipient, at most
 * @return     false with ERROR_INPUT when a certificate cannot be used, the signature is not the signer's or does not belong to
 *             this letter, ERROR_LIMIT when it does not fit
 */
bool smime_seal(const struct smime_ask *ask, struct arena *arena, struct buf *out,
                struct smime_made *made, struct error *e) MUST_CHECK;
