/* cli/passwords - options of the verbs about passwords, for the table of verbs. */
#pragma once

#include "cli/arguments.h"

extern const struct argument_option password_check_options[];
extern const struct argument_option passwords_import_options[];
