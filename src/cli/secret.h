/* cli/secret - the verbs about passwords that open files for recipients, and their options. */
#pragma once

#include "cli/cli.h"

cli_run cli_recipient_secret, cli_recipient_phone, cli_letter_secret;

extern const struct argument_option recipient_secret_options[], recipient_phone_options[];
