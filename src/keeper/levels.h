/* keeper/levels - how well next hops have protected letters: what it is remembered under. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

#include "letter/records.h"

struct keeper;

/* Where letters to a domain go as it is set now: the domain, or the fixed next hop. From the arena. */
struct slice keeper_where_of(struct keeper *k, struct slice domain, struct arena *arena);

/* A next hop took a letter so: the best is remembered, `shown` until now. */
bool keeper_level_learn(struct keeper *k, struct slice where, const struct evidence *seen,
                        uint64_t shown, struct error *e) MUST_CHECK;

/* A domain's own policy says that it has no MTA-STS any more: what nothing else showed is not demanded any more. */
void keeper_level_withdraw(struct keeper *k, struct slice domain);
