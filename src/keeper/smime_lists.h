/* keeper/smime_lists - lists of revoked certificates (CRL, RFC 5280 section 5), fetched by courier and kept for an hour in memory.
 *
 * They are bytes here: an inspector reads them, and a list proves itself by its signature. Thread-safe. */
#pragma once

#include "base/buf.h"

#include "formats/cbor/cbor.h"

struct keeper;

/* Append the lists of these URLs (texts), one behind the other, as far as they can be had within seconds. */
void smime_lists_get(struct keeper *k, const struct cbor_list *urls, struct arena *arena,
                     struct buf *out);
