/* keeper/recipient_refused - keys that no letter brings: those that a person took away, and older ones. Pure. */
#pragma once

#include "base/arena.h"

#include "letter/recipient_key.h"

/* Forget a fingerprint, and with `add` remember it as the newest; the oldest makes room. In the arena. */
void recipient_refuse(struct recipient_keys *row, struct slice fingerprint, bool add,
                      struct arena *arena);

/* Whether a person took it away. */
bool recipient_refused(const struct recipient_keys *row, struct slice fingerprint);

/* Whether a newer letter brought another one than this, which came by Autocrypt: an older letter changes nothing, in whatever
 * order they come in (Autocrypt Level 1, section 2.3). Of one second, the key that was made later counts. */
bool recipient_offered_before(const struct recipient_keys *row, const struct recipient_key *key);
