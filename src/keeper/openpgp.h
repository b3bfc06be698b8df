/* keeper/openpgp - letters encrypted with OpenPGP, and the keys of our own people that sign them.
 *
 * Recipients' keys come from keeper/recipient_keys, and so do ours: a row with the name of its private key, which the
 * signer has. What is encrypted and written is the inspector's work; here stands who gets it, and who signs. */
#pragma once

#include "keeper/copies.h"
#include "letter/recipient_key.h"

/* The row of copy_methods: encrypt to exactly these recipients, signed by the sender's key if he has one. */
copy_make_fn openpgp_copy;

/* The row of letters that are signed alone, for all. */
copy_make_fn openpgp_signed_copy;

/**
 * Find the key to encrypt to somebody with: the newest of his, then of his domain, that is in force.
 *
 * @param why    set in either case, to a clause that says which it is, or why there is none; in the arena
 * @param later  set: the keys cannot be read now
 * @return       NULL when there is none
 */
const struct recipient_key *openpgp_recipient(struct keeper *k, struct slice address,
                                              struct arena *arena, struct slice *why, bool *later);

/* The same of what is known already: no directory is asked. */
const struct recipient_key *openpgp_known(struct keeper *k, struct slice address,
                                          struct arena *arena, struct slice *why);

/* The newest key of ours in force that signs for an address, or NULL. */
const struct recipient_key *openpgp_signing_key(struct keeper *k, struct slice address,
                                                struct arena *arena);

/* Have a digest signed by the private key of a key of ours. */
bool openpgp_sign(struct keeper *k, const struct recipient_key *own, struct slice address,
                  struct slice digest, struct arena *arena, struct slice *signature,
                  struct error *e) MUST_CHECK;
