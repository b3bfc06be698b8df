/* keeper/account_wait - accounts as they are to be when another person approves: in the state, for a verifier is no record's
 * business. For the keeper's own files. */
#pragma once

#include "letter/approval.h"
#include "state/state.h"

struct keeper;

/* Keep an account, as it is encoded, until the request of that id is decided. */
bool account_wait(struct keeper *k, struct slice id, struct slice encoded, struct arena *arena,
                  struct error *e) MUST_CHECK;

/* The account as it was asked for. *there is false when there is none, or another than was asked for. */
bool account_waiting(struct keeper *k, struct slice id, const struct request_account *asked,
                     struct arena *arena, struct account *account, bool *there,
                     struct error *e) MUST_CHECK;

/* What was asked for about an account and will not be done, or was done: forget it. */
void account_forget(struct keeper *k, struct slice id, struct arena *arena);

/* Count those that may still come to be and whose verifier is sealed under a former master key. */
bool account_count_former(struct keeper *k, struct arena *arena, uint64_t *count,
                          struct error *e) MUST_CHECK;
