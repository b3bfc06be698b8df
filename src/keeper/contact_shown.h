/* keeper/contact_shown - how many contacts an account was shown, beyond a restart.
 *
 * A row of the state for each who was shown some: what the meter (keeper/contact_meter) counted, as of the wall clock. Looking up single
 * contacts is frequent, so the row is written a little ahead, a twentieth of `contacts-per-hour`: after a restart somebody may be shown so
 * many fewer, and never more. Accounts of drills have none. Thread-safe. */
#pragma once

#include "base/error.h"

#include "keeper/contact_meter.h"

struct keeper_admin;

/* Have the meter know what the caller was shown before the start; before it is asked. */
bool contact_shown_know(const struct keeper_admin *admin, struct error *e) MUST_CHECK;

/* More was counted: write it down where it is due. False: it could not be written, and nothing is to be shown. */
bool contact_shown_keep(const struct keeper_admin *admin, uint64_t per_hour,
                        struct error *e) MUST_CHECK;
