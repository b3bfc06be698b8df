/* keeper/decoy_mint - makes up a contact that looks like the others of a book.
 *
 * A common name from decoy_names, an address in the way in which the others of its domain are written, and whatever
 * parts another entry of that domain has, or of any when the book has none there. Everything is drawn by keyring_random_bytes(), so that
 * nobody foretells it. Pure but for that. */
#pragma once

#include "base/arena.h"

#include "letter/contact.h"

/* A number below `n`, each as likely; n > 0. */
uint64_t decoy_draw(uint64_t n);

/**
 * Make up a contact.
 *
 * @param domain   of its address
 * @param models   contacts that it is to look like, as far as their addresses are in the domain
 * @param n_parts  of the models, the first ones: those that say which parts a contact has
 * @return         in the arena
 */
struct contact decoy_mint(struct slice domain, const struct contact *models, size_t n,
                          size_t n_parts, struct arena *arena);
