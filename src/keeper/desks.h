/* keeper/desks - who is signed in at the command line, beyond a restart. For the keeper's own files.
 *
 * One value of the state: of each pass its SHA-256, its account and when it ends by the wall clock; so the
 * file opens nothing, and neither does a copy of it. A pass that was ended is gone from it before that is
 * answered. Thread-safe but for desks_resume(). */
#pragma once

#include "base/error.h"
#include "base/slice.h"

#define DESKS_MAX 1024 /* that are remembered; of more, some end with the process */

struct keeper;

/* Let in again who was signed in when the state was last written: accounts that are open still, and for no longer than
 * `desk-timeout` from now, however the clock was set. Before anybody is served. */
bool desks_resume(struct keeper *k, struct error *e) MUST_CHECK;

/* End all sessions of an account that was changed, for good. False when that could not be written: they would come back at
 * a restart. */
bool desks_end_account(struct keeper *k, struct slice account, struct error *e) MUST_CHECK;

/* Write down who is signed in now. False with ERROR_BUSY when the disk fails. */
bool desks_remember(struct keeper *k, struct error *e) MUST_CHECK;
