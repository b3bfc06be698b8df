/* cli/session - the verbs about who is signed in. */
#pragma once

#include "cli/cli.h"

extern const struct argument_option session_list_options[];
extern const struct argument_option session_end_options[];

/* List sign-ins of before instead of sessions: an account's, everybody's, or one's own when neither is said. */
bool session_list_past(struct cli *c, struct slice account, bool all, struct error *e) MUST_CHECK;

cli_run cli_session_list, cli_session_end;
