/* cli/master - the master key, for the verbs that read the data directory themselves.
 *
 * What opens it is asked for at the terminal, or comes from --passphrase-fd: one line for each question. */
#pragma once

#include "cli/cli.h"
#include "keyring/master.h"

#define MASTER_OPTION                                                                              \
    OPTION("passphrase-fd", 0, "N", "descriptor N gives what opens the master key, a line each")

/* Open the one in this folder. As master_open(); ERROR_INPUT for an option that is wrong. */
bool cli_master(struct cli *c, int folder, struct master *out, struct error *e) MUST_CHECK;

/* Tell keyring/former the former keys of the label that stand in a folder's list. As master_list_read(). */
bool cli_master_former(int folder, const struct master *m, const char *label,
                       struct error *e) MUST_CHECK;

/* Ask for a secret, in the same way. */
bool cli_master_ask(struct cli *c, const char *question, struct secret **out,
                    struct error *e) MUST_CHECK;

/* Ask for a new passphrase; twice when a person types it. */
bool cli_master_passphrase(struct cli *c, struct secret **out, struct error *e) MUST_CHECK;
