/* keeper/smime_harvest - certificates out of signed letters that are taken in, so that answers can be encrypted.
 *
 * Nothing is taken that an authority in `smime-trust` does not vouch for; who has no such setting harvests nothing. A letter whose
 * certificate cannot be looked at goes on without it. Thread-safe. */
#pragma once

#include "letter/findings.h"

struct keeper;
struct arena;

/* Look at an imported letter, which is a sealed memory file, and keep the certificate that it offers, if that is new. */
void smime_harvest_from(struct keeper *k, const struct findings *f, int letter,
                        struct arena *arena);
