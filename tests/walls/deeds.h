/* tests/walls/deeds - what a process that was taken over would try. */
#pragma once

#include <stddef.h>

#include "processes/role.h"

/* Try everything that is only refused, and say how each attempt ended: one log line
 * "event=deed deed=NAME object=NAME result=ERRNO" each, 0 for a deed that was possible.
 *
 * @param sockets  this process may make sockets: see what kinds */
void deeds_try_all(struct role *r, bool sockets);

/* Try the deed of that name, one that ends the process; a log line as above when it does not. */
void deeds_try_deadly(const char *name);
