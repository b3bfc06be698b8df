/* cli/restore_letters - letters out of a backup, without the daemon and without touching its ledger. */
#pragma once

#include "base/secret.h"

#include "cli/cli.h"
#include "vault/fetch.h"

/* Fetch the ledger of a backup to a temporary folder, write the letter --letter to the file --output, or those of
 * --account to the new directory --output, and remove the folder. CLI_NOTHING when there is none. */
bool restore_letters(struct cli *c, struct vault *v, const struct vault_manifest *m,
                     const struct secret *master, struct error *e) MUST_CHECK;
