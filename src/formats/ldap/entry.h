/* formats/ldap/entry - what single values of a directory's entries mean: addresses, locks; and values within a filter.
 *
 * The protocol itself is libldap's (host/ldap). Pure: bytes in, values out. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

#define ENTRY_ADDRESS_MAX 254 /* RFC 5321 section 4.5.3.1.3 */

enum entry_address {
    ENTRY_NO_ADDRESS, /* of another scheme, or none that could be one */
    ENTRY_ADDRESS,    /* a further one */
    ENTRY_PRIMARY,    /* the one that others are shown: `SMTP:` */
};

/**
 * Read a value of `mail` or of Active Directory's proxyAddresses: `SMTP:anna@example.test`, `smtp:...`, or an address alone.
 * Other schemes (`x500:`, `sip:`) are none.
 *
 * @param address  what it is, in lower case, from the arena. Whether it is a good one is for the receiver to judge
 */
enum entry_address entry_address(struct slice value, struct arena *arena, struct slice *address);

/* Attributes that say that nobody may sign in as this entry. The names stand in entry_locks, NULL behind them. */
extern const char *const entry_locks[];

/**
 * Whether one of their values does: userAccountControl (disabled or locked out) and accountExpires of Active Directory,
 * nsAccountLock, pwdAccountLockedTime. A value that cannot be read locks.
 *
 * @param lock    index in entry_locks
 * @param now_ms  by the wall clock
 */
bool entry_is_locked(size_t lock, struct slice value, int64_t now_ms);

/* Append the value as an assertion value of a filter (RFC 4515 section 3): whatever is in it matches itself alone. */
void entry_filter_value(struct slice value, struct buf *out);
