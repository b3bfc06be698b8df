/* cli/prove - check a ledger's folder directly, without the daemon: a backup or what came of it. */
#pragma once

#include "base/secret.h"

#include "cli/cli.h"

/**
 * Verify every byte, seal and commitment, and that it continues the checkpoint.
 *
 * @param ledger  the folder
 * @param keys    folder of record keys; -1: none
 * @param note    signed checkpoint over its beginning; its signature is not looked at
 * @param size    leaves that the folder must hold
 * @return        false with ERROR_CORRUPT when it is not whole; the faults are in c->out
 */
bool prove_ledger(struct cli *c, int ledger, int keys, const struct secret *master,
                  struct slice note, uint64_t size, struct error *e) MUST_CHECK;
