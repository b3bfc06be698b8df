/* keeper/admin - one connection to the control socket, and on whose behalf it asks.
 *
 * The kernel says who is at the other end (SO_PEERCRED); that name stands in every record of what
 * was ordered. */
#pragma once

#include "base/error.h"

#include "ipc/ipc.h"
#include "keeper/keeper.h"
#include "letter/records.h"

#define ADMIN_NAME_MAX 64

struct keeper_admin {
    struct keeper *keeper;
    char by[ADMIN_NAME_MAX]; /* "uid 0" */
};

/* Who asks, over the channel that the request came from; lives as long as the request. */
struct keeper_admin *keeper_admin_of(struct keeper *k, const struct ipc_request *r)
    __attribute__((returns_nonnull));

/* Record an act of administration before it is done; who does it is filled in. */
bool keeper_admin_act(struct keeper_admin *admin, struct act *act, struct error *e) MUST_CHECK;

/* The same for what has no more to it. */
bool keeper_admin_record(struct keeper_admin *admin, const char *verb, struct slice object,
                         struct slice reason, struct error *e) MUST_CHECK;
