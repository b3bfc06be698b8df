/* processes/auth_passkeys - passkeys within a sign-in; for the files of the auth process. */
#pragma once

#include "processes/auth_parts.h"
#include "requests/auth_passkeys.h"

/* Draw a challenge for an account, whose name is in lower case; in the arena. */
struct slice auth_challenge_for(struct auth *a, struct slice account, enum passkey_purpose purpose,
                                struct arena *arena);

/* Whether what a passkey signed, l->ask->passkey, proves the account's holder: LOGIN_ACCEPTED and l->proof, or LOGIN_REFUSED
 * and a reason. The challenge that the client data name is used up either way, unless they cannot be read or are of another
 * type or page: then it is left to end by itself. */
enum login_verdict auth_prove_passkey(struct auth *a, struct login *l, enum passkey_purpose purpose,
                                      struct arena *arena);

/* What the keeper asks: requests/auth_passkeys.h. */
bool auth_on_passkey_begin(void *auth, struct ipc_request *r, struct error *e);
bool auth_on_passkey_new(void *auth, struct ipc_request *r, struct error *e);
bool auth_on_again(void *auth, struct ipc_request *r, struct error *e);
