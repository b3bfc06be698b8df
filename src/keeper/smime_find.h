/* keeper/smime_find - certificates of recipients that others publish, when the settings say so: in the DNS of their domain (SMIMEA, RFC 8162),
 * and in directories (userCertificate, RFC 4523).
 *
 * Asked by whoever looks for a certificate, within keeper/patience: not more often than every ten minutes for an address that has one and once
 * in an hour for one that has none in the DNS, so many times a minute, and only where a [policy] section names smime. What was asked is remembered in memory alone: after a start nothing that was found before
 * counts until it was asked for again. Thread-safe. */
#pragma once

#include "base/arena.h"

struct keeper;

enum smime_find_state {
    SMIME_FIND_OFF, /* the settings do not let us look there: what was found before does not count */
    SMIME_FIND_KNOWN, /* what is kept of that place is what it has */
    SMIME_FIND_LATER, /* it cannot be told now */
};

struct smime_found {
    enum smime_find_state state;
    const char
        *note; /* a sentence without a full stop about what is there and of no use, or NULL */
    bool
        gone; /* something was there before: another place may have it, which was left out there meanwhile */
};

/* Ask the DNS, and keep what DNSSEC proves: certificates that stand there whole, of usage 1 or 3. What is not there any more goes. */
struct smime_found smime_find_dns(struct keeper *k, struct slice address, struct arena *arena);

/* Have the directory process ask the server of the [certificates] section that answers for the address, and keep what it has. Nobody
 * vouches for it: all else is still to be proved. What is not there any more goes. */
struct smime_found smime_find_directory(struct keeper *k, struct slice address,
                                        struct arena *arena);

/* What was found of an address went: that its places were asked of late does not count any more. */
void smime_find_anew(struct slice address, struct arena *arena);
