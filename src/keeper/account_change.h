/* keeper/account_change - how an account is named; what changes accounts is asked over the control
 * socket (keeper/handlers). */
#pragma once

#include "base/arena.h"

struct keeper;

/* Accounts are kept in lower case: people do not remember the case of their login. */
struct slice account_canonical(struct slice name, struct arena *arena);
