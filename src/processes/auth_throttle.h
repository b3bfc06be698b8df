/* processes/auth_throttle - who failed to sign in too often waits, then is blocked for a while.
 *
 * Failures are counted for the account that was tried, for the client's address (the /64 of an
 * IPv6 one) and for the pair of both. Normally account and address decide. Where that account
 * signed in from that address within the last day only the pair decides: so nobody is locked out
 * of his own desk because a stranger tries his name, or a colleague's telephone an old password.
 *
 * Three tables of fixed size under a keyed hash: whoever floods them with names and addresses
 * pushes out entries that he cannot choose, blocked ones last. Thread-safe. Time is the caller's. */
#pragma once

#include <stdint.h>

#include "base/own.h"
#include "base/slice.h"

#include "config/settings.h"

#define AUTH_THROTTLE_DELAY_MAX_MS 15000
#define AUTH_THROTTLE_KNOWN_MS     (INT64_C(24) * 3600 * 1000)

struct auth_throttle;

/* Make one that knows of no failure. */
struct auth_throttle *auth_throttle_new(void) __attribute__((returns_nonnull));

/* NULL is fine. */
void auth_throttle_free(struct auth_throttle *t);

/**
 * May somebody try now?
 *
 * @param account  in lower case; it need not exist
 * @param client   IP address as text; anything else counts as one address of its own
 */
bool auth_throttle_allows(struct auth_throttle *t, struct slice account, struct slice client,
                          int64_t now_ms);

/* Count a failure. Returns how long to wait before the client is told, in milliseconds; *blocked
 * tells whether this failure began a block. */
int64_t auth_throttle_failed(struct auth_throttle *t, const struct auth_settings *settings,
                             struct slice account, struct slice client, int64_t now_ms,
                             bool *blocked);

/* The right password: forget the failures of the pair, and know it. Those of account and address
 * stay until their window ends, or an attacker could wait for the holder, or use an account of his
 * own, to be washed clean. */
void auth_throttle_succeeded(struct auth_throttle *t, struct slice account, struct slice client,
                             int64_t now_ms);

OWN_BY(auth_throttle, struct auth_throttle, auth_throttle_free)
