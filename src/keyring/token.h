/* keyring/token - a key that only a PKCS#11 token opens: smart card, USB token, HSM.
 *
 * The token holds a pair of RSA keys of 2048 bits or more. A key is wrapped with its public half by OAEP
 * (RFC 8017 section 7.1, with SHA-1 and MGF1-SHA-1, the one form that all tokens know, and whose security does not
 * rest on collisions) and unwrapped by the token alone. The token is named by a PKCS#11 URI (RFC 7512); its
 * `module-path` names the library, otherwise those that p11-kit is configured with are looked through.
 *
 * A token's library is somebody else's code. It is loaded in a child process that has been forked for this
 * one question, hears nothing from the network, and ends with the answer; this process never maps it. One thread. */
#pragma once

#include "base/error.h"
#include "base/secret.h"

#define TOKEN_WRAPPED_MAX 1024   /* bytes: RSA keys of up to 8192 bits */
#define TOKEN_WAIT_MS     120000 /* some tokens want to be touched */

/**
 * Wrap a key with the token's public key.
 *
 * @param uri      "pkcs11:token=...;object=..." or with `id`, perhaps "?module-path=..."
 * @param key      32 bytes
 * @param wrapped  TOKEN_WRAPPED_MAX bytes; *len are written
 * @return         false with ERROR_INPUT for a URI that is none, ERROR_CONFIG when token or key are not found,
 *                 ERROR_DENIED for a wrong PIN, ERROR_BUSY when the token fails
 */
bool token_wrap(const char *uri, const struct secret *pin, const struct secret *key,
                uint8_t wrapped[static TOKEN_WRAPPED_MAX], size_t *len, struct error *e) MUST_CHECK;

/* Have the token unwrap it; errors as above, ERROR_CORRUPT when it is not wrapped for this key. */
bool token_unwrap(const char *uri, const struct secret *pin, struct slice wrapped,
                  struct secret **key, struct error *e) MUST_CHECK;
