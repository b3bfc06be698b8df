/* requests/supervisor - what root tells the supervisor, over a socket that no other process and no other user may use
 * (run/supervisor.sock): a master key that was put in force on the disk.
 *
 * The key travels because the supervisor cannot open a file that is sealed under a passphrase or a token's key once more. */
#pragma once

#include "ipc/ipc.h"

struct supervisor_adopt_ask {
    struct slice key; /* of master.key, as it is */
};

/* Given when all processes work with it. */
struct supervisor_adopt_answer {
    uint64_t generation;
    uint64_t took_ms; /* until all were at work again; 0: they had it already */
    uint64_t away_ms; /* of it, in which submission had nobody to ask: its clients waited */
};

/* ERROR_DENIED for a key that is not the one of master.key, or does not come with those before it; ERROR_BUSY when
 * posternd is starting or stopping. */
extern const struct ipc_message supervisor_adopt;
