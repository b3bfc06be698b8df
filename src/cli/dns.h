/* cli/dns - records to publish, as lines of a zone file. Pure. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#include "requests/signer.h"

/* Append a TXT record; the text is split into strings of at most 255 bytes (RFC 1035 section
 * 3.3.14), quotes and backslashes escaped. `name` is absolute without its last dot. */
void dns_txt(struct buf *out, struct slice name, struct slice text);

/* The text of a DKIM key's record: RFC 6376 section 3.6.1, RFC 8463 section 4. Empty when the key
 * is of no such kind. */
struct slice dns_dkim_text(const struct signer_key *key, struct arena *arena);
