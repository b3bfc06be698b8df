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

/* Whether one was within the day before `at`; then *id is that letter. */
bool repeats_find(struct repeats *r, const uint8_t key[static CATALOG_REPEAT_LEN], uint64_t at,
                  struct letter_id *id);
