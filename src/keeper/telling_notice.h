/* keeper/telling_notice - a letter to the sender of one for which a password was made: for whom, and how it is seen. Never the password. */
#pragma once

#include "keeper/copying.h"
#include "keeper/own_letters.h"

/**
 * Write it, where one is due: for recipients who were not told by the operator's program, and to nobody who is a recipient himself.
 *
 * @param text    initialised here; holds the notice's bytes
 * @param notice  filled when *n is 1
 */
bool telling_notice(const struct copying *c, const struct decision *d, struct buf *text,
                    struct own_letter *notice, size_t *n, struct error *e) MUST_CHECK;
