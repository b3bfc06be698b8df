/* keeper/devices - whose device has a key: one row of the state for each, beside the account's row of app passwords, which alone says what
 * the device is good for. A row that leads to an account without such a device leads nowhere. For the keeper's own files. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct keeper;

/* The account whose device has this key; *found is false when it is nobody's. */
bool devices_find(struct keeper *k, struct slice pin, struct arena *arena, struct slice *account,
                  bool *found, struct error *e) MUST_CHECK;

/* Forget it, if it is the account's and the account has no such device any more. */
bool devices_forget(struct keeper *k, struct slice pin, struct slice account, struct arena *arena,
                    struct error *e) MUST_CHECK;
