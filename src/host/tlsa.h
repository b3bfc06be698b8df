/* host/tlsa - TLSA records (RFC 6698 section 2) as SMTP clients use them (RFC 7672).
 *
 * Pure: bytes in, judgement out. Who asks the DNS is stages/delivery/dane, who compares them with a
 * certificate is OpenSSL behind host/tls. Thread-safe. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

#define TLSA_DATA_MAX    8192 /* octets of a whole certificate or key; a longer one cannot be used */
#define TLSA_RECORDS_MAX 32   /* of one host that are looked at */

enum tlsa_usage { TLSA_PKIX_TA, TLSA_PKIX_EE, TLSA_DANE_TA, TLSA_DANE_EE };

enum tlsa_selector { TLSA_CERTIFICATE, TLSA_PUBLIC_KEY };

enum tlsa_matching { TLSA_EXACT, TLSA_SHA256, TLSA_SHA512 };

/* One record; `data` looks into the RDATA that it was read from. */
struct tlsa {
    uint8_t usage, selector, matching;
    struct slice data;
};

/* Read RDATA. False when it is too short to be a TLSA record. */
bool tlsa_read(struct slice rdata, struct tlsa *out) __attribute__((warn_unused_result));

/**
 * Make records of the authorities in a PEM file: usage DANE-TA, whole certificates, as one that is pinned here is told to
 * OpenSSL.
 *
 * @param records  RDATA, from the arena; at most `room` are written
 * @return         how many there are; 0 when the file holds none, one that cannot be read, or more than `room`
 */
size_t tlsa_from_pem(struct slice pem, struct arena *arena, struct slice *records, size_t room);

/* Make the record of a public key that is pinned: DANE-EE, SHA-256 of its SubjectPublicKeyInfo. */
struct slice tlsa_from_key(const uint8_t sha256[static 32], struct arena *arena);

/**
 * Whether an SMTP client can authenticate a server by it (RFC 7672 section 3.1): usage DANE-TA or
 * DANE-EE, a selector and a matching type that we know, data that can be what they say. Usages of
 * PKIX are unusable there (section 3.1.3).
 *
 * @return  NULL when it can be used, otherwise a few words that say why not; static
 */
const char *tlsa_unusable(const struct tlsa *t) __attribute__((warn_unused_result));
