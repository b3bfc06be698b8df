/* keeper/rotation_publish - the part of a change of DKIM keys that a person has otherwise: records of the new keys are published, those
 * of destroyed ones are taken away.
 *
 * Nothing that signs depends on it: new keys are used when the DNS shows them, whoever put them there. The caller holds rotations.turn. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "formats/cbor/cbor.h"

struct keeper;

/* Publish the keys of a domain, if the settings say so.
 *
 * @param expected  selectors that must be there afterwards
 * @return          what a person must hear, in the arena; NULL: all of them are there, as far as the server says */
const char *rotation_publish(struct keeper *k, struct slice domain,
                             const struct cbor_list *expected, struct arena *arena) MUST_CHECK;

/* Before keys are destroyed: remember that the records which we put there for these selectors are to go. */
bool rotation_publish_retire(struct keeper *k, struct slice domain,
                             const struct cbor_list *selectors, struct arena *arena,
                             struct error *e) MUST_CHECK;

/* Take such records away.
 *
 * @return  what a person must hear, in the arena, or NULL: of `selectors` whose records somebody else put there, and of records of
 *          ours that are still there; in one sentence, as an alarm of one name is not repeated at once */
const char *rotation_publish_remove(struct keeper *k, struct slice domain,
                                    const struct cbor_list *selectors,
                                    struct arena *arena) MUST_CHECK;

/* Whether records of ours are still to go. */
bool rotation_publish_pending(struct keeper *k, struct slice domain);
