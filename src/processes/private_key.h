/* processes/private_key - one private key: made, read, written, used for signatures.
 *
 * OpenSSL stays behind this header. A key is counted and never changes, so that any number of
 * threads sign with it while its owner replaces it. What a kind of key signs is fixed: TLS keys
 * (EC P-256, P-384, RSA of 2048 to 4096 bits) and RSA keys for DKIM sign digests, Ed25519 keys
 * sign short data. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"

#include "requests/signer.h"

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */

#define PRIVATE_KEY_ID_LEN  32   /* SHA-256 of the SubjectPublicKeyInfo */
#define PRIVATE_KEY_DER_MAX 4096 /* PKCS #8 of RSA-4096 takes 2,400 bytes */
#define PRIVATE_KEY_RSA_MIN 2048
#define PRIVATE_KEY_RSA_MAX 4096

enum private_key_type { PRIVATE_KEY_EC, PRIVATE_KEY_RSA, PRIVATE_KEY_ED25519 };

struct private_key;

/* Let OpenSSL keep numbers of private keys in locked memory that no core dump shows. Once, before
 * the first key; where the system refuses, keys are in ordinary memory. */
void private_key_protect_memory(void);

/**
 * Make a new key with one reference, the caller's.
 *
 * @param kind  any but KEY_TLS; those of S/MIME are EC P-256
 * @param bits  of RSA; 0: PRIVATE_KEY_RSA_MIN
 * @return      NULL with ERROR_INPUT for another kind or size
 */
struct private_key *private_key_new(enum key_kind kind, uint64_t bits, struct error *e) MUST_CHECK;

/* Read PKCS #8 DER that fills `der`. NULL with ERROR_CORRUPT. */
struct private_key *private_key_from_der(struct slice der, struct error *e) MUST_CHECK;

/**
 * Read the private keys of a PEM text, at most `max`.
 *
 * @param keys   filled with *n keys, each the caller's reference
 * @return       false with ERROR_CONFIG when there is none, one is encrypted, or one is of a kind
 *               that this server's TLS does not use; then there are no keys to free
 */
bool private_keys_from_pem(struct slice pem, size_t max, struct private_key **keys, size_t *n,
                           struct error *e) MUST_CHECK;

/* Take a further reference. */
struct private_key *private_key_ref(struct private_key *k);

/* Give a reference up. NULL is fine. */
void private_key_free(struct private_key *k);

/* Which kind of key it is. */
enum private_key_type private_key_type(const struct private_key *k);

/* The key as OpenSSL has it, for processes/certify alone; lives as long as the key. */
struct evp_pkey_st *private_key_handle(const struct private_key *k);

/* The SubjectPublicKeyInfo in DER; lives as long as the key. */
struct slice private_key_public(const struct private_key *k);

/* PRIVATE_KEY_ID_LEN bytes that live as long as the key. */
struct slice private_key_id(const struct private_key *k);

/* Append PKCS #8 DER. `out` had better have room for PRIVATE_KEY_DER_MAX already, because memory
 * that it outgrows is not wiped. */
void private_key_write(const struct private_key *k, struct buf *out);

/**
 * Sign.
 *
 * @param scheme  must fit the key's type
 * @param data    a digest of SHA-256, SHA-384 or SHA-512, told by its length; for Ed25519 any
 *                bytes up to SIGNER_DATA_MAX
 * @param out     the signature is appended: DER for ECDSA (RFC 3279 section 2.2.3)
 * @return        false with ERROR_INPUT when key, scheme and data do not fit together
 */
bool private_key_sign(const struct private_key *k, enum signature_scheme scheme, struct slice data,
                      struct buf *out, struct error *e) MUST_CHECK;

OWN_BY(private_key, struct private_key, private_key_free)
