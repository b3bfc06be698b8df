/* formats/zone/smimea - certificates of people in the DNS (SMIMEA, RFC 8162): under which name, and what a record means.
 *
 * Whether an answer was proven by DNSSEC is for who asked to know; a record without that says nothing. Pure. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

/**
 * The name at which the certificates of an address stand (section 3). The local part is taken in lower case, as addresses are
 * kept here, and out of its quotes.
 *
 * @param out  in the arena
 * @return     false when there is no such name: no address, or a domain that is not ASCII
 */
bool smimea_name(struct slice address, struct arena *arena, struct slice *out)
    __attribute__((warn_unused_result));

enum smimea_use {
    SMIMEA_UNREADABLE,
    SMIMEA_AUTHORITY, /* usage 0 or 2: it says who may issue, and gives no certificate of the person's */
    SMIMEA_DIGEST,  /* a key or a hash: the certificate would have to come from elsewhere */
    SMIMEA_ISSUED,  /* usage 1: this certificate, if an authority that we trust issued it */
    SMIMEA_TRUSTED, /* usage 3: this certificate, whoever issued it */
};

/* Read a record's data (RFC 6698 section 2.1). The certificate is a view of it, for the last two alone. */
enum smimea_use smimea_read(struct slice rdata, struct slice *certificate);
