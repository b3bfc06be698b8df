/* cli/account - options of the verbs about what accounts send, for the table of verbs. */
#pragma once

#include "cli/arguments.h"

extern const struct argument_option account_limits_options[];
extern const struct argument_option account_release_options[];
