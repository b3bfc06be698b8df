/* keeper/admin - one connection to the control socket, and on whose behalf it asks.
 *
 * The gate (keeper/callers) found out who asks; that name stands in every record of what was
 * ordered, the machine's user alone in the log. */
#pragma once

#include "base/error.h"

#include "ipc/ipc.h"
#include "keeper/keeper.h"
#include "letter/records.h"
#include "requests/permits.h"

struct keeper_admin {
    struct keeper *keeper;
    uint64_t uid; /* of the process at the other end */
    struct caller caller;
    uint64_t role; /* in which the caller may ask this; 0: anybody may */
};

/* Who asks; lives as long as the request. */
struct keeper_admin *keeper_admin_of(struct keeper *k, const struct ipc_request *r)
    __attribute__((returns_nonnull));

/* Record an act of administration before it is done; who does it is filled in. */
bool keeper_admin_act(struct keeper_admin *admin, struct act *act, struct error *e) MUST_CHECK;

/* The same for what has no more to it. */
bool keeper_admin_record(struct keeper_admin *admin, const char *verb, struct slice object,
                         struct slice reason, struct error *e) MUST_CHECK;
