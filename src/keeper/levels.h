/* keeper/levels - how well next hops have protected letters: what it is remembered under. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

struct keeper;

/* Where letters to a domain go as it is set now: the domain, or the fixed next hop. From the arena. */
struct slice keeper_where_of(struct keeper *k, struct slice domain, struct arena *arena);
