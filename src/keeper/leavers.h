/* keeper/leavers - an account that is closed is closed for good: what it signed in with besides its password ends, and what it may send as or lets others send as.
 *
 * App passwords, devices, passkeys, the authenticator app and its recovery codes, and delegations to the account, by it, and of its addresses that no open
 * account has. A password that had a second factor beside it goes too: alone it would be less than it was. Its letters, and its name, stay. Opened again it has what a
 * new account has. */
#pragma once

#include "letter/records.h"
#include "state/state.h"

struct keeper;

/**
 * Take all that away, recorded before it is gone, one record for each thing; nothing where nothing is left. A closed account that is about to be opened gets the same, for what a
 * crash or an older version left. `approvals.changing` is held.
 *
 * @param account  its name
 * @param as       whose act it is: by, at, role and reason
 */
bool leavers_end(struct keeper *k, struct slice account, const struct act *as, struct arena *arena,
                 struct error *e) MUST_CHECK;

/* The same of several, with one look at who may send as whom. */
bool leavers_end_all(struct keeper *k, const struct slice *accounts, size_t n, const struct act *as,
                     struct arena *arena, struct error *e) MUST_CHECK;

/* Whether an address is that of closed accounts alone: nobody is left who could let others send as it. */
bool leavers_left(struct keeper *k, struct slice address, struct arena *arena, bool *left,
                  struct error *e) MUST_CHECK;
