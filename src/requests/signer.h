/* requests/signer - what may be asked of the process that holds the private keys. It signs
 * digests, short notes and certificates of our own, and never gives a key away. */
#pragma once

#include "ipc/ipc.h"

#define SIGNER_SIGNATURE_MAX 1024 /* RSA-8192 */
#define SIGNER_PUBLIC_MAX    2048 /* SubjectPublicKeyInfo, DER */
#define SIGNER_NAME_MAX      255
#define SIGNER_DATA_MAX      4096
#define SIGNER_KEYS_MAX      256
#define SIGNER_WISHES_MAX    4 /* signatures that one letter gets */

enum key_kind {
    KEY_TLS = 1,
    KEY_DKIM_RSA = 2,
    KEY_DKIM_ED25519 = 3,
    KEY_CHECKPOINT = 4,      /* Ed25519 */
    KEY_SMIME = 5,           /* signs letters: EC or RSA */
    KEY_SMIME_AUTHORITY = 6, /* issues certificates for our own people: EC P-256 */
    KEY_OPENPGP = 7,         /* Ed25519; signs letters */
};

enum signature_scheme {
    SCHEME_ECDSA = 1,     /* over a digest                          */
    SCHEME_RSA_PKCS1 = 2, /* over a digest; `hash` names it         */
    SCHEME_RSA_PSS = 3,   /* the same, salt as long as the digest   */
    SCHEME_ED25519 = 4,   /* over the data itself                   */
};

/* signer_tls: from submission. A TLS handshake's signature. */
struct signer_tls_ask {
    struct slice key;  /* 64 hexadecimal digits: SHA-256 of its SubjectPublicKeyInfo, as in
                            struct tls_sign_request; or "tls-key", the newest that fits the scheme */
    uint64_t scheme;   /* no Ed25519 */
    struct slice hash; /* empty: told by the digest's length; otherwise "SHA256" ... "SHA512" */
    struct slice data; /* the digest */
};

/* signer_dkim: from keeper. Sign SHA-256 header hashes (RFC 6376 section 3.7, RFC 8463), all those of one
 * letter at once: all are signed, in this order, or none. */
struct signer_dkim_wish {
    struct slice domain;
    struct slice selector;
    struct slice digest; /* 32 bytes */
};

struct signer_dkim_ask {
    struct cbor_list wishes; /* struct signer_dkim_wish; 1 to SIGNER_WISHES_MAX */
};

struct signer_dkim_answer {
    struct cbor_list signatures; /* struct signer_signature */
};

/* signer_note: from keeper. Sign a checkpoint's text (C2SP signed-note). */
struct signer_note_ask {
    struct slice text;
};

/* Of all three; of signer_dkim several. */
struct signer_signature {
    struct slice signature;
    struct slice public; /* SubjectPublicKeyInfo of the key that signed; for notes only */
};

extern const struct ipc_message signer_tls;
extern const struct ipc_message signer_dkim;
extern const struct ipc_message signer_note;

struct signer_key {
    uint64_t kind;
    struct slice domain; /* of DKIM keys */
    struct slice name;   /* selector, or the name of a TLS key */
    struct slice public;
    uint64_t created_at;
};

struct signer_new_ask {
    uint64_t kind;
    struct slice domain;
    struct slice name;
    uint64_t bits; /* RSA: 2048 to 4096; 0 for 2048 */
};

struct signer_keys {
    struct cbor_list keys; /* struct signer_key */
};

/* signer_new_key: from keeper. Answers the key's public part; ERROR_INPUT when it exists. */
extern const struct ipc_message signer_new_key;

/* signer_drop_key: from keeper. Destroy a DKIM key: domain and name alone count. No error when there is none. */
extern const struct ipc_message signer_drop_key;

/* signer_list: from keeper. */
extern const struct ipc_message signer_list;

/* The schemas above that requests/admin passes through. */
extern const struct cbor_schema signer_signature_schema;
extern const struct cbor_schema signer_key_schema;
extern const struct cbor_schema signer_keys_schema;
extern const struct cbor_schema signer_new_schema;

/* signer_files: from keeper, for a backup. The key files as they lie there, sealed under the signer's key: a
 * struct signer_files comes as a memory file. */
struct signer_file {
    struct slice name;
    struct slice bytes;
};

struct signer_files {
    struct cbor_list files; /* struct signer_file */
};

#define SIGNER_FILES_BYTES_MAX ((size_t)4 << 20)

extern const struct cbor_schema signer_files_schema;
extern const struct ipc_message signer_files;
