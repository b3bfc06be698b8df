/* processes/role_told - what became of an alarm, between the process that tells it outside and the one that hears of it.
 *
 * By way of the supervisor, which says the same of the operator's program. Beside role.h. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

struct role;

/* Say whether an alarm was told; for a row that tells. `way` is "webhook". From any thread. */
void role_told(struct role *r, struct slice event, struct slice way, struct slice sentence,
               bool done);

/* Call back for each of which that is known; one for the process, for a row that hears. Called in the control thread:
 * be quick. */
void role_on_told(struct role *r,
                  void (*heard)(void *argument, struct slice event, struct slice way,
                                struct slice sentence, bool done),
                  void *argument);
