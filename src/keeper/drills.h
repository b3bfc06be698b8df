/* keeper/drills - a played attack: an account of its own, whose letters never leave, and what the alarms about it came to.
 *
 * Invariants:
 *  1. An account is one of a drill from its beginning, and nothing changes that: no address, role, group or
 *     delegation is given to one, and it is good for half an hour.
 *  2. Its letters are marked in their facts, which follow from the session; the decision about such a letter has no ruling, so that no
 *     job comes of it, now or after a restart. No DKIM key signs it.
 *  3. Whom it wrote to counts as nobody's acquaintance.
 *  4. It is shown no contact, but how many it would be shown, and its sessions end with it.
 *
 * So nothing that is to be sent or hidden gains by being called a drill. Thread-safe by a lock of its own. */
#pragma once

#include "ipc/ipc.h"
#include "state/state.h"

struct keeper;
struct drills;

#define DRILL_MS (INT64_C(30) * 60 * 1000)

/* None is under way; free accepts NULL. */
struct drills *drills_new(void) __attribute__((returns_nonnull));
void drills_free(struct drills *d);

/* Whether the account is one of a drill whose time is over: nobody signs in to it. */
bool drill_is_over(const struct account *a);

/* When a session of it ends at the latest, by the steady clock: `ends_at_ms`, or when the drill is over. */
int64_t drill_bounds(const struct account *a, int64_t ends_at_ms);

/* Whether an account is one of a drill. What cannot be told is an error. */
bool drill_is(struct keeper *k, struct slice account, struct arena *arena, bool *is,
              struct error *e) MUST_CHECK;

/* Refuse to change an account of a drill, or to have to do with it. True of any other name. */
bool drill_spares(struct keeper *k, struct slice account, struct arena *arena,
                  struct error *e) MUST_CHECK;

/* Count an alarm about an account and tell it; of a drill's it says so first. */
void keeper_alert_about(struct keeper *k, struct slice account, const char *event,
                        const char *sentence);

/* What became of an alarm that was told by `way`, "command" or "webhook". From any thread. */
void keeper_alarm_told(struct keeper *k, struct slice event, struct slice way,
                       struct slice sentence, bool done);

ipc_handler keeper_on_drill_begin;
ipc_handler keeper_on_drill_look;
ipc_handler keeper_on_drill_end;
