/* keeper/account_change - how an account is named; what changes accounts is asked over the control
 * socket (keeper/handlers). */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "formats/cbor/cbor.h"

struct keeper;

/* Accounts are kept in lower case: people do not remember the case of their login. */
struct slice account_canonical(struct slice name, struct arena *arena);

/* The groups of the account that has this address; none when nobody has it. From the arena. */
bool account_groups_of(struct keeper *k, struct slice address, struct arena *arena,
                       struct cbor_list *groups, struct error *e) MUST_CHECK;
