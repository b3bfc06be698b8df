/* cli/totp - asking for a code of the second factor. */
#pragma once

#include "cli/cli.h"

/* The one that --code gives, or that a person types; it lives as long as the command. */
bool totp_ask_code(struct cli *c, struct slice *code, struct error *e) MUST_CHECK;
