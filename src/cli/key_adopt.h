/* cli/key_adopt - the running daemon is told of a new master key. */
#pragma once

#include "base/secret.h"

#include "cli/cli.h"

/**
 * Have posternd work with the key of master.key, and wait until it does. master_lock() is held.
 *
 * @return  false with ERROR_BUSY when it does not run or was not done in time, otherwise with what it says
 */
bool key_adopt(struct cli *c, const struct secret *key, struct error *e) MUST_CHECK;
