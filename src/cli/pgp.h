/* cli/pgp - the verbs about OpenPGP keys of our own people, and their options. */
#pragma once

#include "cli/cli.h"

cli_run cli_pgp_new, cli_pgp_list, cli_pgp_export, cli_pgp_revoke, cli_pgp_wkd;

extern const struct argument_option pgp_new_options[];
extern const struct argument_option pgp_export_options[];
extern const struct argument_option pgp_revoke_options[];
