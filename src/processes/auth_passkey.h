/* processes/auth_passkey - whether a passkey is new and whole, and whether it has signed (WebAuthn Level 3 sections 7.1 and
 * 7.2), by libfido2 behind our own parsers (formats/webauthn).
 *
 * What attests the maker of a key is verified if it is there, and trusted in nothing. Whether the challenge is ours the caller
 * knows, whether the counter went on the keeper. Thread-safe. */
#pragma once

#include "base/secret.h"

#include "config/settings.h"
#include "formats/webauthn/webauthn.h"
#include "requests/auth_passkeys.h"

/**
 * Read client data, and see that they are of this type and of a page of ours.
 *
 * @param challenge  set to what the passkey was asked to sign
 * @return           false with ERROR_INPUT and a sentence
 */
bool passkey_client(const struct settings *s, enum webauthn_type type, struct slice client_data,
                    struct arena *arena, uint8_t challenge[static WEBAUTHN_CHALLENGE_LEN],
                    struct error *e) MUST_CHECK;

/**
 * Verify a new passkey and seal its key for an account under an id.
 *
 * @param ask  its client data passed passkey_client() and its challenge was ours
 * @param out  filled, in the arena
 * @return     false with ERROR_INPUT and a sentence
 */
bool passkey_register(const struct settings *s, const struct secret *seal,
                      const struct auth_passkey_new_ask *ask, struct arena *arena,
                      struct auth_passkey_new_answer *out, struct error *e) MUST_CHECK;

/**
 * Verify what a passkey signed.
 *
 * @param key     the account's passkey that `said` names
 * @param alone   it must have known its holder
 * @param counter that it showed
 * @return        false with ERROR_INPUT and a sentence for the record
 */
bool passkey_assert(const struct settings *s, const struct secret *seal, struct slice account,
                    const struct auth_passkey *key, const struct auth_assertion *said, bool alone,
                    uint64_t *counter, struct error *e) MUST_CHECK;
