/* keeper/sts_transport - what MTA-STS adds to what is known of a recipient's domain before a letter is decided. */
#pragma once

#include "base/arena.h"

#include "stages/policy/recipient.h"

struct keeper;

/* Look the policy up unless a pin or DANE counts already; the domain is lower case, in A-labels, and has no fixed next hop. */
void sts_transport(struct keeper *k, struct slice domain, struct arena *arena,
                   struct recipient_state *out);
