/* ledger/rewrap - which files of a ledger are sealed under a key, for who looks into its folder without opening it; and, behind
 * ledger_rewrap(), how they come under another. */
#pragma once

#include "keyring/keyring.h"

/* How many files of a ledger name a key. */
struct ledger_key_use {
    uint64_t segments;
    uint64_t packs;
    uint64_t record_keys; /* key files; a rewriting that has not come to an end may need any key */
};

/**
 * Count the files that are sealed under this ledger key. Reads the first bytes of each; no key is needed but its public
 * name.
 *
 * @param keys_dirfd  the folder of record keys; <= 0: none
 * @return            false with ERROR_BUSY or ERROR_CONFIG when a file cannot be read
 */
bool ledger_key_uses(int dirfd, int keys_dirfd, const uint8_t id[static KEYRING_ID_LEN],
                     struct ledger_key_use *use, struct error *e) MUST_CHECK;
