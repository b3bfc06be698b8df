/* requests/delegation - who may send as another, over the control socket of the keeper. */
#pragma once

#include "letter/delegation.h"
#include "requests/approvals.h"

/* delegation_add: a struct delegation, of which from, to, until and reason count. Answered with struct admin_asked: it takes
 * two persons unless whoever asks has the address alone, or there is no officer. */
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
