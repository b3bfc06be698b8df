/* keeper/smime - which certificate a letter is encrypted with, and which it is signed by, now. For the keeper's own files;
 * thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "letter/recipient_key.h"

#define SMIME_AUTHORITY                                                                            \
    SLICE("smime-ca") /* under which our authority's certificate is kept: no address, no domain */

struct keeper;

/* The newest own certificate of an address, or of its domain, that holds now; *found says whether there is one. */
bool smime_own(struct keeper *k, struct slice address, struct arena *arena,
               struct recipient_key *out, bool *found, struct error *e) MUST_CHECK;

/* The best certificate of a recipient that letters may be encrypted with now, after the places where the settings let us look were
 * asked; *found is false and *why says the reason when there is none. ERROR_BUSY when there is none and such a place cannot be asked
 * now. */
bool smime_of(struct keeper *k, struct slice address, struct arena *arena,
              struct recipient_key *out, bool *found, struct slice *why,
              struct error *e) MUST_CHECK;

/* The same of what is known, asking no place for certificates. */
bool smime_known(struct keeper *k, struct slice address, struct arena *arena,
                 struct recipient_key *out, bool *found, struct slice *why,
                 struct error *e) MUST_CHECK;
