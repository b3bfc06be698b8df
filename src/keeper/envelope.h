/* keeper/envelope - is this an envelope that a mail client can have sent?
 *
 * Submission has read it by the grammar, and other servers will hear it again in our name. So the
 * keeper takes nobody's word for it: a process that talks to the whole network may have been taken
 * over, and an address that holds a line end would be a command. Pure. The reverse-path is judged
 * with the letter (stages/identity). */
#pragma once

#include "requests/keeper.h"

/* ERROR_DENIED with what is wrong, for the log. */
bool keeper_envelope_judge(const struct keeper_submit_ask *ask, struct error *e) MUST_CHECK;
