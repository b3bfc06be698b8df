/* keeper/owner_notices - letters to the holder of an account about what happened to it: it was suspended, somebody signed in from a network where it
 * had not been used.
 *
 * They go to the account's address and to the one that is kept for that (`postern user set --notify`). A thief who reads that
 * mailbox too learns that he was seen and nothing more: no sign, no weight, no limit, nothing of how it is ended. The person responsible is told all by
 * alarms. Accounts of drills get none. */
#pragma once

#include "state/state.h"

struct keeper;

/* Its sending is suspended. What fails is logged: nothing waits for it. */
void owner_told_suspended(struct keeper *k, struct slice account, struct arena *arena);

/**
 * Somebody signed in to send from a network where it had not been used. The person responsible gets an alarm.
 *
 * @param app  name of the app password that he had; empty: the main one
 */
void owner_told_sign_in(struct keeper *k, const struct account *a, struct slice client,
                        struct slice app, struct arena *arena);
