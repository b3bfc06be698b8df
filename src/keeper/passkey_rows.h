/* keeper/passkey_rows - whose a passkey is: one row of the state for each, found by the SHA-256 of the credential's id, beside the account's
 * row of factors. It is written before the passkey is, and goes after it: a row that leads to an account without such a passkey leads
 * nowhere. For the keeper's own files. */
#pragma once

#include "keeper/factors.h"

struct keeper;

/* Have a change add a passkey to an account, if it is nobody's yet; with nobody else in between. */
bool passkey_rows_add(struct keeper *k, struct slice account, struct slice credential,
                      struct arena *arena, factors_change *change, void *context,
                      struct error *e) MUST_CHECK;

/* Forget it, if it is the account's and the account has no such passkey any more. */
bool passkey_rows_forget(struct keeper *k, struct slice account, struct slice credential,
                         struct arena *arena, struct error *e) MUST_CHECK;
