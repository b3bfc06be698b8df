/* keyring/internal - OpenSSL's algorithms, fetched once a process, for the files of keyring. */
#pragma once

#include <openssl/evp.h>

#include "base/slice.h"

struct keyring_algorithms {
    EVP_MD *sha256;
    EVP_MAC *hmac;
    EVP_CIPHER *gcm;
};

/* The one instance; ends the process when the library cannot provide them. Thread-safe. */
const struct keyring_algorithms *keyring_algorithms(void);

/* End the process: a primitive that cannot fail on valid arguments failed. */
_Noreturn void keyring_broken(const char *what);

/* Write bytes as lower-case hexadecimal, 2 * s.len characters, no NUL. */
void keyring_hex(struct slice s, char *out);

/* Read exactly 2 * len hexadecimal characters; false, out unspecified, on anything else. */
bool keyring_unhex(struct slice text, uint8_t *out, size_t len);
