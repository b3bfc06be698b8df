/* cli/session - the verbs about who is signed in. */
#pragma once

#include "cli/cli.h"

extern const struct argument_option session_list_options[];
extern const struct argument_option session_end_options[];

cli_run cli_session_list, cli_session_end;
