/* letter/asserted - how the facts of a letter say that a provider handed it on: in place of a mechanism. */
#pragma once

#include "base/slice.h"

#define ASSERTED_BY "asserted by " /* and the name of its [connector] */

/* Whether a provider handed it on. */
static inline bool asserted_is_mechanism(struct slice mechanism)
{
    return slice_starts(mechanism, SLICE(ASSERTED_BY));
}
