/* formats/dkim - DKIM signatures for outgoing letters (RFC 6376, RFC 8301, RFC 8463).
 *
 * Canonicalisation relaxed/relaxed, rsa-sha256 and ed25519-sha256, never l=. The private key is
 * in another process: dkim_prepare() gives the 32 bytes to be signed, dkim_finish() puts the
 * signature in its place. Fields that would change what a reader sees or answers are signed once
 * more than they occur, so that none can be added behind our back (section 8.15). Pure. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

#include "formats/mail/header.h"

#define DKIM_DIGEST_LEN 32

enum dkim_algorithm { DKIM_RSA_SHA256, DKIM_ED25519_SHA256 };

struct dkim_key {
    enum dkim_algorithm algorithm;
    struct slice domain;   /* d=, in ASCII (A-labels) */
    struct slice selector; /* s= */
};

/* A signature without its signature. */
struct dkim_draft {
    struct slice field;              /* "DKIM-Signature: ... b=", from the arena */
    uint8_t digest[DKIM_DIGEST_LEN]; /* of the canonical header. RSA signs it as the SHA-256 digest
                                      * of PKCS #1 v1.5; Ed25519 signs these 32 bytes as message */
};

/* bh=: hash a body, everything behind the empty line, in relaxed canonical form. */
void dkim_body_hash(struct slice body, uint8_t hash[static DKIM_DIGEST_LEN]);

/**
 * Prepare one signature. Signatures do not cover each other: any number may be prepared for the
 * same fields.
 *
 * @param fields     all fields of the letter as it will leave, first to last
 * @param body_hash  from dkim_body_hash()
 * @param at_s       t=: seconds since 1970
 */
void dkim_prepare(const struct mail_field *fields, size_t n_fields, const struct dkim_key *key,
                  const uint8_t body_hash[static DKIM_DIGEST_LEN], int64_t at_s,
                  struct arena *arena, struct dkim_draft *out);

/* The whole field with its CRLF, to be put in front of the letter. */
struct slice dkim_finish(const struct dkim_draft *draft, struct slice signature,
                         struct arena *arena);

/**
 * The text of the TXT record at <selector>._domainkey.<domain> (RFC 6376 section 3.6.1).
 *
 * @param public_key  RSA: DER SubjectPublicKeyInfo; Ed25519: the 32 bytes (RFC 8463 section 4)
 */
struct slice dkim_dns_text(enum dkim_algorithm algorithm, struct slice public_key,
                           struct arena *arena);
