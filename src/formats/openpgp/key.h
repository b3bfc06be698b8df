/* formats/openpgp/key - is there a key in these bytes that a letter can be encrypted with, and if not, why not?
 *
 * The packets are read and their signatures verified by librnp, which is fed from memory, has no other keys and is
 * thrown away after each question. Its answer is not believed where it is lenient: no signature made with MD5 or
 * SHA-1 binds anything here, whenever it was made. What it cannot read is not used. For a process that has nothing to lose
 * (the inspector): keys are what strangers wrote. Thread-safe, as each call has an engine of its own. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#define OPENPGP_FILE_MAX  ((size_t)256 << 10) /* bytes of a file with keys */
#define OPENPGP_KEY_MAX   ((size_t)15 << 10)  /* of one without what others certified */
#define OPENPGP_NAMES_MAX 32                  /* addresses that are taken from a key */
#define OPENPGP_KEYS_MAX  16                  /* keys in one file */

struct openpgp_key {
    struct slice bytes;       /* a transferable public key, binary, with its own signatures alone */
    struct slice fingerprint; /* hexadecimal, lower case */
    struct slice user_id;     /* the first that is valid; UTF-8 */
    struct slice algorithm;   /* of what is encrypted with: "RSA 3072", "ECDH Curve25519" */
    struct slice *names;      /* addresses of its valid user IDs, lower case */
    size_t n_names;
    uint64_t created_ms; /* since 1970 */
    uint64_t ends_ms;    /* 0: it has no end */
};

/* Load the library's tables, which cannot be done from within a sandbox, and send what the process writes to `stderr` as a
 * stream to nowhere, where the library talks of keys. Once, at the start of a process whose own log goes by the descriptor. */
void openpgp_init(void);

/* Whether bytes look like an OpenPGP key, armored or not: for choosing who reads a file. */
bool openpgp_looks_like_key(struct slice file);

/**
 * Find the one usable key in a file.
 *
 * @param now_s  seconds since 1970: keys are judged as of then
 * @param out    in the arena
 * @return       false with ERROR_INPUT and the reason: no key, a private key, several usable keys, or the only one is
 *               revoked, expired, too short, bound by weak signatures, or has nothing to encrypt with; ERROR_LIMIT when it is too long
 */
bool openpgp_key_read(struct slice file, int64_t now_s, struct arena *arena,
                      struct openpgp_key *out, struct error *e) MUST_CHECK;
