/* state/recipients - the rows of recipients' keys: one for an address or domain, with all keys of it.
 *
 * Thread-safe as state/state is. Whoever changes a row reads it before under a lock of his own. */
#pragma once

#include "letter/recipient_key.h"
#include "state/state.h"

/* The row of an address or domain, lower case; *found says whether there is one. */
bool state_recipient_get(struct state *s, struct slice address, struct arena *arena,
                         struct recipient_keys *out, bool *found, struct error *e) MUST_CHECK;

/* Write a row in the place of what was; one without keys is removed. Durable on return. ERROR_LIMIT when the keys do not
 * fit. */
bool state_recipient_put(struct state *s, const struct recipient_keys *row,
                         struct error *e) MUST_CHECK;

/* Step through all rows in no meaningful order: start with a zeroed place, which is moved on. */
bool state_recipient_next(struct state *s, uint8_t place[static STATE_PLACE_LEN],
                          struct arena *arena, struct recipient_keys *out, bool *found,
                          struct error *e) MUST_CHECK;
