/* formats/cms/signing - what is signed of a letter by S/MIME: its payload, and the signed attributes in the one form that is written here
 * (RFC 5652 section 5.4: contentType, signingTime, messageDigest, SMIMECapabilities, SigningCertificateV2).
 *
 * Whoever has something signed writes this himself, so that nobody else can say what. Writing alone: of a certificate only the length
 * is looked at. Pure: no clock. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include "formats/mail/header.h"

#define CMS_DIGEST_LEN     32
#define CMS_ATTRIBUTES_MAX 1024

struct cms_draft {
    struct slice attributes;        /* DER, SET OF */
    uint8_t digest[CMS_DIGEST_LEN]; /* of them: this is signed */
};

/**
 * Write outer header and payload of a letter.
 *
 * @param letter   without defect, and without Bcc fields
 * @param encrypt  the payload is encrypted then
 * @param outer    both are initialised here
 * @return         false with ERROR_LIMIT when it is too long; ERROR_INPUT as covered_signed_write()
 */
bool cms_payload_write(const struct mail_header *letter, bool encrypt, struct buf *outer,
                       struct buf *payload, struct error *e) MUST_CHECK;

/**
 * Write what the sender's key is to sign.
 *
 * @param chain  DER: the sender's certificate, and others behind it
 * @param now_s  for the signing time
 * @param out    its attributes are from the arena
 * @return       false with ERROR_INPUT when the chain does not begin with a certificate's length, ERROR_LIMIT
 */
bool cms_draft_write(const struct mail_header *letter, bool encrypt, struct slice chain,
                     int64_t now_s, struct arena *arena, struct cms_draft *out,
                     struct error *e) MUST_CHECK;
