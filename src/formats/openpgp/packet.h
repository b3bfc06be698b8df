/* formats/openpgp/packet - OpenPGP packets that Postern writes itself: its own keys and signatures (RFC 9580, RFC 4880).
 *
 * A private key lives in another process and signs digests alone, so a signature is made in two steps: a draft with
 * the digest, then the packet around what was signed. Version 4 with EdDSA over Curve25519 (algorithm 22) and
 * SHA-256: what every program in use reads. Pure; drafts and packets are in the caller's memory. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#define OPENPGP_PUBLIC_LEN      32 /* an Ed25519 public key */
#define OPENPGP_FINGERPRINT_LEN 20 /* of version 4 */
#define OPENPGP_DIGEST_LEN      32
#define OPENPGP_SIGNATURE_LEN   64
#define OPENPGP_HASHED_MAX      512 /* bytes of a signature that it covers itself */
#define OPENPGP_USER_ID_MAX     500

/* One of our keys: its public part alone. */
struct openpgp_own {
    uint8_t public[OPENPGP_PUBLIC_LEN];
    uint32_t created_at; /* seconds since 1970; part of the fingerprint */
    uint8_t fingerprint[OPENPGP_FINGERPRINT_LEN];
};

/* A signature that lacks the signing. */
struct openpgp_draft {
    uint8_t hashed[OPENPGP_HASHED_MAX]; /* from the version to the end of the hashed subpackets */
    size_t hashed_len;
    uint8_t digest[OPENPGP_DIGEST_LEN]; /* what is to be signed */
    struct openpgp_own own;
};

enum openpgp_armor { OPENPGP_ARMOR_MESSAGE, OPENPGP_ARMOR_KEY, OPENPGP_ARMOR_SIGNATURE };

/* Compute the fingerprint of a key. */
void openpgp_own_init(struct openpgp_own *own, const uint8_t public[static OPENPGP_PUBLIC_LEN],
                      uint32_t created_at);

/* Take a key of ours from its packets as openpgp_write_public() wrote them; false when they are anything else. */
bool openpgp_own_read(struct slice packets, struct openpgp_own *own) MUST_CHECK;

/* Draft the certification of a user ID by the key itself: it may sign, nothing more. `at` in seconds. */
void openpgp_draft_user_id(const struct openpgp_own *own, struct slice user_id, uint32_t at,
                           struct openpgp_draft *out);

/* Draft the revocation of a key by itself. `reason`: what a person said, up to 300 bytes of UTF-8 are kept. */
void openpgp_draft_revocation(const struct openpgp_own *own, uint32_t at, struct slice reason,
                              struct openpgp_draft *out);

/* Draft a signature over a document's bytes (type 0x00). */
void openpgp_draft_document(const struct openpgp_own *own, struct slice document, uint32_t at,
                            struct openpgp_draft *out);

/* Append the packet of a draft, with the Ed25519 signature over its digest. */
void openpgp_write_signature(const struct openpgp_draft *draft,
                             const uint8_t signature[static OPENPGP_SIGNATURE_LEN],
                             struct buf *out);

/* Append the packet of the public key. */
void openpgp_write_public(const struct openpgp_own *own, struct buf *out);

/* Append the packet of a user ID. */
void openpgp_write_user_id(struct slice user_id, struct buf *out);

/* Append what stands before a signed document in a message, and the document (RFC 9580 section 10.3); the signature
 * packet is to follow. */
void openpgp_write_signed(const struct openpgp_draft *draft, struct slice document,
                          struct buf *out);

/* Append a document as a literal packet, binary, without name or time. */
void openpgp_write_literal(struct slice document, struct buf *out);

/* Append in ASCII armor, CRLF line ends, with the check sum that older programs want. */
void openpgp_armor(enum openpgp_armor kind, struct slice bytes, struct buf *out);

/* Write a fingerprint as 40 hexadecimal digits in lower case and a NUL. */
void openpgp_fingerprint_text(const uint8_t fingerprint[static OPENPGP_FINGERPRINT_LEN],
                              char text[static 2 * OPENPGP_FINGERPRINT_LEN + 1]);
