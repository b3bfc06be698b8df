/* requests/reseal - packs are made again: under fresh keys, in the present format, without what was erased. */
#pragma once

#include "ipc/ipc.h"

/* admin_reseal: which ones, in the background; takes the place of an order before that is not done. Neither: those of which something
 * is erased. */
struct admin_reseal_ask {
    uint64_t before; /* wall milliseconds: those whose last record is older; 0: not by age */
    bool all;
};

extern const struct ipc_message admin_reseal;
