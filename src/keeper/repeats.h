/* keeper/repeats - letters of the last day by what makes two submissions the same letter. Has its
 * own lock. */
#pragma once

#include "catalog/catalog.h"
#include "letter/id.h"

struct repeats;

/* No letters yet; free accepts NULL. */
struct repeats *repeats_new(void) __attribute__((returns_nonnull));
void repeats_free(struct repeats *r);

/* Remember that a letter with this key was received at `at`. */
void repeats_add(struct repeats *r, const uint8_t key[static CATALOG_REPEAT_LEN],
                 const struct letter_id *id, uint64_t at);

/**
 * Claim the key for a letter that is about to be recorded. While another one with that key is, wait
 * for what becomes of it: a client that lost patience with a slow disk sends again at once.
 *
 * @param at     when it was received
 * @param first  set to the letter that was recorded with this key in the day before
 * @return       whether the letter is the first: then the caller settles the claim
 */
bool repeats_claim(struct repeats *r, const uint8_t key[static CATALOG_REPEAT_LEN],
                   const struct letter_id *id, uint64_t at, struct letter_id *first) MUST_CHECK;

/* Say whether the letter was recorded: otherwise the key is free again. Without a claim of that
 * letter nothing happens. */
void repeats_settle(struct repeats *r, const uint8_t key[static CATALOG_REPEAT_LEN],
                    const struct letter_id *id, bool recorded);
