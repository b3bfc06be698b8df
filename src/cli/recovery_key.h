/* cli/recovery_key - a new recovery key in the hands of a person, or the one that a person has. */
#pragma once

#include "base/secret.h"

#include "cli/cli.h"

/* Hand a new key over: to the file of --recovery-key-out, or shown, and then typed back. False with ERROR_INPUT when it is
 * not; then nothing may be sealed under it. */
bool recovery_key_hand_over(struct cli *c, const struct secret *key, struct error *e) MUST_CHECK;

/* Get the key that there is: a line of standard input with --recovery-key-stdin, or asked for. */
bool recovery_key_ask(struct cli *c, struct secret **typed, struct error *e) MUST_CHECK;
