/* cli/smime - the verbs about our own people's certificates and their options. */
#pragma once

#include "cli/cli.h"

cli_run cli_smime_import, cli_smime_ca, cli_smime_issue, cli_smime_list;

extern const struct argument_option smime_import_options[];
extern const struct argument_option smime_make_options[];
