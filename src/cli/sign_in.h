/* cli/sign_in - who a person at the command line is signed in as.
 *
 * Passes are kept between two commands in a file of that person's alone, below $POSTERN_SIGN_INS,
 * $XDG_RUNTIME_DIR/postern or ~/.postern, one for each data directory. */
#pragma once

#include "cli/cli.h"
#include "requests/admin.h"

/* Show the daemon the pass of whoever is to act: --as, or the last one who signed in. A pass that is
 * over is forgotten, with a word about it; false with ERROR_DENIED when --as named its account. */
bool sign_in_show(struct cli *c, struct ipc_pool *pool, struct error *e) MUST_CHECK;

/* Keep the pass that the daemon gave, and say who is signed in. */
bool sign_in_keep(struct cli *c, const struct admin_sign_in_answer *answer,
                  struct error *e) MUST_CHECK;

/* Whoever is signing in is right so far: by what else is he to prove himself? One of both is set then. */
bool sign_in_second(struct cli *c, const struct admin_sign_in_answer *answer, struct slice *code,
                    struct auth_assertion *passkey, struct error *e) MUST_CHECK;

/* login_oidc.c: sign in by the provider that --oidc names. */
bool login_oidc(struct cli *c, struct error *e) MUST_CHECK;
