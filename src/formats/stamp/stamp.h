/* formats/stamp - time stamps of RFC 3161: the request, and whether a response is what was asked.
 *
 * Reading a response is reading what a stranger sent, with OpenSSL's ASN.1 and CMS: call
 * stamp_verify() only in a process that holds nothing. Pure: no I/O. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#define STAMP_DIGEST_LEN   32                 /* SHA-256 of what is stamped */
#define STAMP_NONCE_LEN    16                 /* random, new for each request */
#define STAMP_RESPONSE_MAX ((size_t)64 << 10) /* bytes; with the signer's chain some 6,000 */
#define STAMP_TRUST_MAX    ((size_t)1 << 20)  /* bytes of PEM */

struct stamp {
    int64_t time_ms;    /* that the authority vouches for */
    struct slice token; /* TimeStampToken, DER: `openssl ts -verify -token_in` proves it */
};

/* Load what OpenSSL loads once: before the sandbox. */
void stamp_init(void);

/* Append a TimeStampReq (section 2.4.1) in DER that asks for the certificates as well. */
bool stamp_request(const uint8_t digest[static STAMP_DIGEST_LEN],
                   const uint8_t nonce[static STAMP_NONCE_LEN], struct buf *out,
                   struct error *e) MUST_CHECK;

/**
 * Verify a TimeStampResp (section 2.4.2): granted, of this digest, with this nonce, signed by a
 * certificate for time stamping alone whose chain ends at one of `trust` and is in date.
 *
 * @param trust  PEM of the authorities
 * @param out    its token is from the arena
 * @return       false with ERROR_DENIED when it proves nothing, ERROR_CONFIG when `trust` holds no
 *               certificate
 */
bool stamp_verify(struct slice response, const uint8_t digest[static STAMP_DIGEST_LEN],
                  const uint8_t nonce[static STAMP_NONCE_LEN], struct slice trust,
                  struct arena *arena, struct stamp *out, struct error *e) MUST_CHECK;
