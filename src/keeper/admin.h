/* keeper/admin - one connection to the control socket, and on whose behalf it asks.
 *
 * The kernel says who is at the other end (SO_PEERCRED); that name stands in every record of what
 * was ordered. */
#pragma once

#include "base/error.h"

#include "keeper/keeper.h"

#define ADMIN_NAME_MAX 64

struct keeper_admin {
    struct keeper *keeper;
    char by[ADMIN_NAME_MAX]; /* "uid 0" */
};

/* Record an act of administration before it is done. */
bool keeper_admin_record(struct keeper_admin *admin, const char *verb, struct slice object,
                         struct slice reason, struct error *e) MUST_CHECK;
