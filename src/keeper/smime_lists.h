/* keeper/smime_lists - lists of revoked certificates (CRL, RFC 5280 section 5), fetched by courier and kept for an hour in memory.
 *
 * They are bytes here: an inspector reads them, and a list proves itself by its signature. Thread-safe. */
#pragma once

#include "base/arena.h"

#include "formats/cbor/cbor.h"

struct keeper;

/* The lists of these URLs (texts, up to SMIME_LISTS_MAX), as far as they can be had within ten seconds for all and together fit a question: struct smime_list,
 * in the arena. Nothing is fetched from a network that is not public. */
void smime_lists_get(struct keeper *k, const struct cbor_list *urls, struct arena *arena,
                     struct cbor_list *out);
