/* keeper/smime_judge - what a recipient's certificate is worth now, as an inspector says with lists and answers of its authority at
 * hand. For the keeper's own files; thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "letter/recipient_key.h"

struct keeper;

/* Judge a certificate of an address; what was said is remembered for ten minutes. *why is in the arena in either case; false when nobody
 * can judge it now. */
bool smime_worth_of(struct keeper *k, const struct recipient_key *key, struct slice address,
                    struct arena *arena, bool *good, struct slice *why, struct error *e) MUST_CHECK;
