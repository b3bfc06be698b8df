/* processes/courier_survey - the keeper's questions about recipient domains, answered by the courier's resolver. */
#pragma once

#include "ipc/ipc.h"

/* courier_survey of requests/transport.h; the context is the struct errands. */
ipc_handler courier_on_survey;
