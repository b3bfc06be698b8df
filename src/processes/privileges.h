/* processes/privileges - what of root the supervisor keeps, once its sockets are open. */
#pragma once

#include "base/error.h"

/* Hold the memory, with the master key in it, out of core dumps and debuggers, and
 * keep the capabilities to start, confine, end and re-provision the roles, for good; to be root no
 * longer opens anything else. Does nothing for an ordinary user. ERROR_CONFIG when the kernel
 * refuses. */
bool privileges_drop(struct error *e) MUST_CHECK;
