/* cli/passkey_key - a security key at the machine, by libfido2: the first one there is. */
#pragma once

#include "cli/cli.h"
#include "requests/passkeys.h"

/* Whether there is one. */
bool key_is_there(void);

/* Have it make a passkey that it finds by itself, if it knows its holder; `attestation` lives in the arena. */
bool key_make(struct cli *c, const struct passkey_asked *asked, struct slice account,
              struct slice client_data, struct slice *attestation, struct error *e) MUST_CHECK;

/* Have it sign; `out` lives in the arena, its client data are `client_data`. */
bool key_sign(struct cli *c, const struct passkey_asked *asked, struct slice client_data,
              bool alone, struct auth_assertion *out, struct error *e) MUST_CHECK;
