/* cli/sign_in - who a person at the command line is signed in as.
 *
 * Passes are kept between two commands in a file of that person's alone, below $POSTERN_SIGN_INS,
 * $XDG_RUNTIME_DIR/postern or ~/.postern, one for each data directory. */
#pragma once

#include "cli/cli.h"

/* Show the daemon the pass of whoever is to act: --as, or the last one who signed in. A pass that is
 * over is forgotten, with a word about it; false with ERROR_DENIED when --as named its account. */
bool sign_in_show(struct cli *c, struct ipc_pool *pool, struct error *e) MUST_CHECK;
