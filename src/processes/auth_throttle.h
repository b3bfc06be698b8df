/* processes/auth_throttle - who failed to sign in too often waits, then is blocked for a while.
 *
 * Failures are counted for the account that was tried, for the client's address (the /64 of an
 * IPv6 one) and for the pair of both. Normally account and address decide. Where that account
 * signed in from that address within the last 30 days only the pair decides: so nobody is locked out
 * of his own desk because a stranger tries his name, or a colleague's telephone an old password.
 *
 * Who goes on guessing while he is turned away is counted against his address, where nobody signed in within the last 30 days:
 * its blocks are twice as long each time, up to 16 times, so that he runs out of addresses and the account opens again to
 * its holder. A guess is another password than the one before: a program that says the same again is none.
 *
 * Three tables of fixed size under a keyed hash: whoever floods them with names and addresses
 * pushes out entries that he cannot choose, blocked ones last. Thread-safe. Time is the caller's. */
#pragma once

#include <stdint.h>

#include "base/own.h"
#include "base/slice.h"

#include "config/settings.h"

#define AUTH_THROTTLE_DELAY_MAX_MS 15000
#define AUTH_THROTTLE_KNOWN_MS     (INT64_C(30) * 24 * 3600 * 1000)
#define AUTH_THROTTLE_DOUBLED_MAX  4 /* times */

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

/* The same for somebody who shows what nobody guesses, as an app password: that his account was tried by others does not
 * matter. */
bool auth_throttle_allows_unguessable(struct auth_throttle *t, struct slice account,
                                      struct slice client, int64_t now_ms);

/* Count that somebody who may not try was turned away with a password; empty: it is not known, and nothing is counted. */
void auth_throttle_knocked(struct auth_throttle *t, const struct auth_settings *settings,
                           struct slice account, struct slice client, struct slice password,
                           int64_t now_ms);

/* For how many milliseconds a connection from an address is of no use: nobody signed in from there within the last 30 days, and
 * somebody went on guessing. 0: some may try, or are to be told why they may not; or it is no IP address. */
int64_t auth_throttle_closed(struct auth_throttle *t, const struct auth_settings *settings,
                             struct slice client, int64_t now_ms);

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
