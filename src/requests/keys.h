/* requests/keys - what the keeper tells of the master key: which one it works with, and what of the state still needs a
 * former one. */
#pragma once

#include "ipc/ipc.h"

/* keys_status: over the control socket. The state is sealed under this generation as a whole. */
struct keys_status_answer {
    uint64_t generation;
    uint64_t accounts; /* that have a password, or something that counts as left */
    uint64_t
        left; /* of those, whose verifier or factors may be sealed under a former key; once all was sealed anew, auth
                    * has just tried every one of them */
    bool
        unfinished; /* files may still be sealed under a former key, on the disk if not in memory */
    uint64_t
        waiting; /* accounts as changes that wait for approval will make them, whose verifier is */
};

extern const struct ipc_message keys_status;
