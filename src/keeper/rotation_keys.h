/* keeper/rotation_keys - the keys of a change of DKIM keys at the signer: made, looked for, destroyed. The caller holds rotations.turn. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "formats/cbor/cbor.h"
#include "keeper/own_domain.h"

struct keeper;

/* Make one like `former`, under a name that is not used yet. */
bool rotation_make_key(struct keeper *k, const struct own_domain *own,
                       const struct zone_key *former, struct slice *name, struct arena *arena,
                       struct error *e) MUST_CHECK;

/* The signer destroys them, and what it has not is as good as destroyed; the first that it cannot ends it. */
bool rotation_drop_keys(struct keeper *k, struct slice domain, const struct cbor_list *selectors,
                        struct arena *arena, struct error *e) MUST_CHECK;

/* Whether all of these are among the keys that are known of the domain. */
bool rotation_has_keys(const struct own_domain *own, const struct cbor_list *selectors);

/* Ask the signer itself, as what it said a while ago may be older than the keys. False: it did not answer. */
bool rotation_keys_missing(struct keeper *k, struct slice domain, const struct cbor_list *selectors,
                           bool *missing, struct error *e) MUST_CHECK;
