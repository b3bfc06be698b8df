/* keeper/recipient_refused - keys of a recipient that a person took away, which no letter brings back. Pure. */
#pragma once

#include "base/arena.h"

#include "letter/recipient_key.h"

/* Forget a fingerprint, and with `add` remember it as the newest; the oldest makes room. In the arena. */
void recipient_refuse(struct recipient_keys *row, struct slice fingerprint, bool add,
                      struct arena *arena);

/* Whether a person took it away. */
bool recipient_refused(const struct recipient_keys *row, struct slice fingerprint);
