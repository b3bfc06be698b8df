/* cli/recipient - the verbs about recipients' keys and their options. */
#pragma once

#include "cli/cli.h"

cli_run cli_recipient_add_key, cli_recipient_list, cli_recipient_show, cli_recipient_remove_key;

extern const struct argument_option recipient_add_options[];
extern const struct argument_option recipient_show_options[];
extern const struct argument_option recipient_remove_options[];

/* Write out what a key says of itself, a line for each member. */
struct recipient_key;
void recipient_write_key(struct cli *c, const struct recipient_key *key);
