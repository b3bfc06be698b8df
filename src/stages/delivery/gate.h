/* stages/delivery/gate - how many connections go to one address at once.
 *
 * Shared by all workers of a process and thread-safe. A place is taken before dialling and given
 * back after the connection is closed. */
#pragma once

#include <stdint.h>

#include "base/own.h"

#include "host/address.h"

struct gate;

/* A gate for at most `places` connections in all. Never NULL. */
struct gate *gate_new(size_t places) __attribute__((returns_nonnull));

/* Every place must have been given back. NULL is fine. */
void gate_free(struct gate *g);

/**
 * Take a place for a connection to `address`, its port included.
 *
 * @param limit        places for one address, at least 1
 * @param deadline_ms  by clock_steady_ms(): how long to wait for one; in the past: not at all
 * @return             the place, for gate_leave(), or -1 when there is none
 */
int gate_enter(struct gate *g, const struct address *address, uint64_t limit, int64_t deadline_ms)
    __attribute__((warn_unused_result));

/* Give a place back; -1 is fine. */
void gate_leave(struct gate *g, int place);

OWN_BY(gate, struct gate, gate_free)
