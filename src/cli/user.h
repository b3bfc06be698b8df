/* cli/user - options of the verbs about accounts, for the table of verbs. */
#pragma once

#include "cli/arguments.h"

extern const struct argument_option user_add_options[];
extern const struct argument_option user_set_options[];
extern const struct argument_option user_list_options[];
