/* processes/signer_smime - what the signer does for S/MIME: keys of senders, and of a small authority. */
#pragma once

#include "ipc/ipc.h"
#include "processes/signer_keys.h"
#include "requests/smime.h"

/* Keep a key, or make one with its certificate. */
bool signer_smime_keep(struct signer_store *s, const struct signer_smime_key_ask *ask,
                       struct arena *arena, struct signer_smime_key_answer *out,
                       struct error *e) MUST_CHECK;

/* Sign a digest with such a key; the authority's signs no letter. */
bool signer_smime_signature(struct signer_store *s, const struct signer_smime_sign_ask *ask,
                            struct arena *arena, struct signer_signature *out,
                            struct error *e) MUST_CHECK;
