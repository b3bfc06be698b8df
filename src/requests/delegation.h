/* requests/delegation - who may send as another, over the control socket of the keeper. */
#pragma once

#include "letter/delegation.h"
#include "requests/passkeys.h"

/* delegation_add: of the struct delegation from, to, until and reason count. Answered with struct admin_asked: it takes two
 * persons unless whoever asks has the address alone, or there is no officer. */
struct delegation_add_ask {
    struct delegation grant;
    struct desk_proof proof; /* for an address that is one's own alone */
};

extern const struct ipc_message delegation_add;

/* delegation_remove */
struct delegation_remove_ask {
    struct slice from;
    struct slice to;
    struct slice reason;
};

extern const struct ipc_message delegation_remove;

/* delegation_list: answered with struct delegations; to who does not run or audit the system those that are about himself. */
extern const struct ipc_message delegation_list;
