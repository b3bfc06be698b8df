/* cli/shared - which addresses several accounts have, for the list of accounts. */
#pragma once

#include "base/arena.h"

#include "requests/admin.h"

struct shared;

/* Look through all accounts; lives in the arena. */
const struct shared *shared_find(const struct admin_users *users, struct arena *arena);

/* The addresses of an account besides its name, ", " between them, with "(shared)" behind those that another one has too. */
struct slice shared_text(const struct shared *s, const struct admin_user *user,
                         struct arena *arena);

/* Whether another account has this one's name among its addresses. */
bool shared_name(const struct shared *s, const struct admin_user *user);
