/* keyring/former - keys that were in force before the present ones.
 *
 * After a rotation of the master key what was sealed before must still be opened, until it was sealed anew. A
 * process that gets a key gets its former ones too and adds them here once, at its start; whoever opens by
 * a key's public name, or by trying, finds them. Nothing is ever sealed under a former key. One table for the process:
 * what comes out of it lives as long as that. Thread-safe. */
#pragma once

#include "keyring/keyring.h"

/* Say that `former` was in force in the place of `current`; both are copied. */
void keyring_former_add(const struct secret *current, const struct secret *former);

/* The key with this public name: `current`, or one of its former ones; NULL: neither. */
const struct secret *keyring_find(const struct secret *current,
                                  const uint8_t id[static KEYRING_ID_LEN]);

/* The n-th former key, in the order of adding; NULL behind the last. */
const struct secret *keyring_former(const struct secret *current, size_t n);
