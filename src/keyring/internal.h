/* keyring/internal - OpenSSL's algorithms, fetched once a process, for the files of keyring. */
#pragma once

#include <openssl/evp.h>

#include "base/slice.h"

#include "keyring/digest.h"

struct keyring_algorithms {
    EVP_MD *sha256;
    EVP_CIPHER *gcm;
};

/* The one instance; ends the process when the library cannot provide them. Thread-safe. */
const struct keyring_algorithms *keyring_algorithms(void);

/* HMAC-SHA-256 of a ‖ b (RFC 2104), with a context that may be used. OpenSSL's EVP_MAC does the same in several
 * times the time: it sets itself up by names. */
void keyring_hmac(EVP_MD_CTX *c, struct slice key, struct slice a, struct slice b,
                  uint8_t out[static DIGEST_LEN]);

/* End the process: a primitive that cannot fail on valid arguments failed. */
_Noreturn void keyring_broken(const char *what);

/* Write bytes as lower-case hexadecimal, 2 * s.len characters, no NUL. */
void keyring_hex(struct slice s, char *out);

/* Read exactly 2 * len hexadecimal characters; false, out unspecified, on anything else. */
bool keyring_unhex(struct slice text, uint8_t *out, size_t len);
