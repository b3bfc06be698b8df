/* cli/dns - what the DNS is to say of a DKIM key. Pure. */
#pragma once

#include "base/arena.h"

#include "requests/signer.h"

/* The text of a DKIM key's record: RFC 6376 section 3.6.1, RFC 8463 section 4. Empty when the key
 * is of no such kind. */
struct slice dns_dkim_text(const struct signer_key *key, struct arena *arena);
