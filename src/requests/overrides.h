/* requests/overrides - a person says for a while how well letters to a domain must be protected, whatever it publishes. From
 * the control socket. */
#pragma once

#include "ipc/ipc.h"

#define OVERRIDE_REASON_MAX 1000

/* admin_override: set one, or end it. Recorded as an act. */
struct admin_override_ask {
    struct slice domain;
    uint64_t level; /* enum tls_level: encrypted or verified; 0: end it */
    uint64_t until; /* when it ends by itself */
    struct slice reason;
};

struct admin_override_answer {
    bool found; /* one was in force before */
};

extern const struct ipc_message admin_override;
