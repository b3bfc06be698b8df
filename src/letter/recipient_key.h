/* letter/recipient_key - the public keys that letters to somebody are encrypted with: a certificate (S/MIME) or an
 * OpenPGP key, for an address or for all of a domain. Which there are now is state; that one came or went is a record.
 *
 * What stands here was said by whoever read the key for us; the bytes alone count when it is used. The rules of
 * letter/records.h hold here too. */
#pragma once

#include "letter/records.h"

#define RECIPIENT_KEYS_MAX        16 /* of one address or domain */
#define RECIPIENT_REFUSED_MAX     16
#define RECIPIENT_KEY_BYTES_MAX   ((size_t)15 << 10) /* a certificate with those that issued it */
#define RECIPIENT_FINGERPRINT_MAX 64                 /* characters */
#define RECIPIENT_SUBJECT_MAX     500
#define RECIPIENT_ALGORITHM_MAX   64
#define RECIPIENT_NAMES_MAX       32 /* addresses that a key names */

enum recipient_key_kind {
    RECIPIENT_SMIME = 1,   /* X.509 certificates in DER: the holder's, then those that issued it */
    RECIPIENT_OPENPGP = 2, /* a transferable public key, binary (RFC 9580 section 10.1) */
};

enum recipient_key_source {
    RECIPIENT_UPLOADED = 1,  /* by a person */
    RECIPIENT_HARVESTED = 2, /* from a signed letter */
    RECIPIENT_LDAP = 3,
    RECIPIENT_WKD = 4,
    RECIPIENT_SMIMEA = 5, /* RFC 8162 */
    RECIPIENT_AUTOCRYPT = 6,
    RECIPIENT_MADE = 7, /* here, for one of our own people */
};

/* What the programs of its holder have shown that they can read. */
enum recipient_reads {
    RECIPIENT_READS_GCM = 1,  /* AuthEnvelopedData with AES-256-GCM, RFC 5084 */
    RECIPIENT_READS_OAEP = 2, /* RSAES-OAEP, RFC 3560 */
};

struct recipient_key {
    uint64_t kind;
    struct slice bytes;
    struct slice
        fingerprint; /* hexadecimal, lower case: SHA-256 of a certificate, or that of an OpenPGP key */
    struct slice subject;   /* who it is, as it says */
    struct slice algorithm; /* "RSA 3072" */
    uint64_t not_before;
    uint64_t not_after;     /* 0: it has no end */
    struct cbor_list names; /* texts: addresses in it, lower case */
    uint64_t source;
    uint64_t added_at;
    struct slice by;     /* who added it, as in an act; empty: nobody did, Postern found it */
    bool vouched;        /* whoever added it compared it: no authority need have issued it */
    uint64_t reads;      /* bits of enum recipient_reads */
    struct slice own;    /* name of its private key, which the signer has; empty: it is not ours */
    uint64_t offered_at; /* date of the letter that it came along with (Autocrypt); 0: none */
};

extern const struct cbor_schema recipient_key_schema;

/* All of an address, or of a domain: then `address` has no at sign. */
struct recipient_keys {
    struct slice address; /* lower case */
    struct cbor_list keys;
    struct cbor_list
        refused; /* texts: fingerprints that a person took away last, which no letter brings back */
};

extern const struct cbor_schema recipient_keys_schema;

/* RECORD_RECIPIENT_KEY: a key was added, or removed, with the key: what was encrypted with it can be told for ever. */
struct recipient_change {
    struct slice address;
    bool removed;
    struct recipient_key key;
    struct slice by; /* as in an act */
    struct slice at;
    uint64_t role;
    struct slice reason;
};

extern const struct cbor_schema recipient_change_schema;

/* "S/MIME", "OpenPGP"; "?" for what is none. */
const char *recipient_key_kind_text(uint64_t kind);

/* "uploaded"; "?" for what is none. */
const char *recipient_key_source_text(uint64_t source);

/* What a person gave us comes before what a directory of the settings says, that before what a recipient's domain publishes, and that before
 * what came along in a letter. */
#define RECIPIENT_RANK_BEST      4
#define RECIPIENT_RANK_DIRECTORY 3
#define RECIPIENT_RANK_DOMAIN    2

/* From 1 to RECIPIENT_RANK_BEST; 0: it is one of ours, which signs alone. */
unsigned recipient_key_rank(const struct recipient_key *key);

/* Whether a key names an address, or anybody of a domain. */
bool recipient_key_names(const struct recipient_key *key, struct slice address);
