/* cli/passkey - passkeys at the command line: a security key at the machine, or with --json whatever shows a browser what is
 * written to standard output, and writes what it says to standard input. */
#pragma once

#include "cli/cli.h"
#include "requests/passkeys.h"

cli_run cli_passkey_add, cli_passkey_list, cli_passkey_remove;

/* Whether a security key is at the machine. */
bool passkey_is_there(void);

/**
 * Have a passkey sign a challenge.
 *
 * @param alone  it must know its holder, and is one that the key itself finds
 */
bool passkey_sign(struct cli *c, const struct passkey_asked *asked, bool alone,
                  struct auth_assertion *out, struct error *e) MUST_CHECK;

/* Whoever sits at the desk proves anew who he is: with --code, --passkey or the password, which only counts if `password`. What
 * is typed lives in the arena until the command ends. */
bool passkey_prove(struct cli *c, bool password, struct desk_proof *out,
                   struct error *e) MUST_CHECK;
