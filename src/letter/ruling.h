/* letter/ruling - in a decision: how a copy for some recipients of one domain is protected, and why so.
 * docs/ledger-format.md has the bytes. The rules of letter/records.h hold here too; which includes this. */
#pragma once

#include "base/arena.h"

#include "formats/cbor/cbor.h"

#define RULING_POLICY_MAX 64
#define RULING_TRIES_MAX  16

enum tls_level {
    LEVEL_CLEARTEXT = 1,
    LEVEL_ENCRYPTED = 2,     /* TLS, whoever answered               */
    LEVEL_VERIFIED = 3,      /* and a PKIX certificate for its name */
    LEVEL_AUTHENTICATED = 4, /* and DANE, MTA-STS or a pin said so  */
};

/* A step of the ladder: a level of the connection, or what protects the content whatever the connection. */
enum rung {
    RUNG_NONE = 0,
    RUNG_CLEARTEXT = LEVEL_CLEARTEXT,
    RUNG_ENCRYPTED = LEVEL_ENCRYPTED,
    RUNG_VERIFIED = LEVEL_VERIFIED,
    RUNG_AUTHENTICATED = LEVEL_AUTHENTICATED,
    RUNG_SMIME = 16,        /* RFC 8551                                        */
    RUNG_OPENPGP = 17,      /* RFC 9580 in PGP/MIME, RFC 3156                  */
    RUNG_ATTACHMENTS = 18,  /* documents and archives that a password opens    */
    RUNG_SMIME_SIGNED = 19, /* signed by its sender alone: everybody can read it   */
    RUNG_OPENPGP_SIGNED = 20,
    RUNG_HOLD = 32,   /* none works: it waits for a person               */
    RUNG_RETURN = 33, /* none works: it goes back to its sender          */
};

/* Whether files say who made them, where and with what. */
enum ruling_clean {
    CLEAN_NOT = 0,
    CLEAN_REMOVE = 1,  /* it is taken out; what cannot be stays */
    CLEAN_REQUIRE = 2, /* it is taken out, all of it */
};

/* One step that was looked at, in the order of the policy. */
struct ruling_try {
    uint64_t rung;
    struct slice why; /* why it was not taken; of the last one: why it was */
};

extern const struct cbor_schema ruling_try_schema;

/* Some recipients of one domain who get the same copy in the same way. */
struct ruling {
    struct slice domain;
    struct slice recipients; /* indexes into the facts' recipients: two bytes each, big-endian */
    uint64_t level;          /* never delivered below this */
    struct slice route;      /* "host:port" of a fixed route or smart host; empty: by MX */
    struct slice reason;
    bool hold;              /* wait for a person */
    uint64_t guard;         /* enum ruling_guard of letter/findings.h: for whom */
    uint64_t copy;          /* which sealed copy they get; 0: the first, as 1 */
    uint64_t method;        /* enum rung of what protects that copy's content; 0: nothing does */
    struct slice policy;    /* name of the [policy] section; empty: [domain] or outbound-tls */
    struct cbor_list tried; /* struct ruling_try; the last one is what was taken */
    bool generated;         /* a password that was made for the letter opens that copy */
    bool closed;            /* a policy held it before a scanner became its guard */
    uint64_t clean;         /* enum ruling_clean: whether that copy's files were cleaned */
    bool
        replaced; /* in no record: a later one decided anew (letter/redecision.h), nothing is due of it */
};

extern const struct cbor_schema ruling_schema;

/* Have it wait for a person, for one more reason: why it was held before stands behind that. Its guard is as it was. */
void ruling_hold(struct ruling *r, struct slice why, struct arena *arena);

/* Whether a policy keeps it back, whoever else does: then notices tell nothing of the letter's inside. */
bool ruling_is_closed(const struct ruling *r);

/* Whether a method hides content, so that nobody may be told more than its copy tells; of 0: no. */
bool rung_hides(uint64_t rung);

/* "smime", as settings name it; "?" for what is none. */
const char *rung_name(uint64_t rung);
