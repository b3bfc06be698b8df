/* keeper/recipient_merge - the keys that a place of others has now, beside those that a row has already. Pure. */
#pragma once

#include "letter/recipient_key.h"

/* Each fingerprint once, where it stood first, and vouched for when one of them is. How many are left. */
size_t recipient_merge_unique(struct recipient_key *keys, size_t n);

/* Whether a key of a place takes the place of the row's with the same fingerprint, or there is none: not when a person gave or took it away,
 * nor when it came in a letter, or from a place of more weight, and nobody vouches for it now; a directory (LDAP) vouches for nothing. Then it has what the other one knew: its chain, and what its holder reads. */
bool recipient_merge(const struct recipient_keys *row, struct recipient_key *key);
