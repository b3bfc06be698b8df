/* cli/contact - options of the verbs about contacts and decoys. */
#pragma once

#include "cli/arguments.h"

#define COMPANY_OPTION OPTION("company", 0, NULL, "in the company's contacts, not in one's own")

extern const struct argument_option contact_add_options[];
extern const struct argument_option contact_set_options[];
extern const struct argument_option contact_options[];
extern const struct argument_option contact_find_options[];
extern const struct argument_option contact_export_options[]; /* contact_files.c */
