/* keeper/account_salt - the salt of an account's SCRAM keys: what the client is told of it must not tell whether there is
 * such an account. For the keeper's own files. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct keeper;

/* Make or read the key that all salts follow from; once, when the state is open. It stays when the master key is
 * rotated, for the accounts' SCRAM keys stay as well. */
bool account_salt_open(struct keeper *k, struct error *e) MUST_CHECK;

/* Forget the key. */
void account_salt_close(struct keeper *k);

/* The salt of an account of this name, canonical: AUTH_SALT_LEN bytes from the arena, always the same. */
struct slice account_salt(const struct keeper *k, struct slice name, struct arena *arena);
