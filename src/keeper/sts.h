/* keeper/sts - MTA-STS policies of recipient domains (RFC 8461): which one is in force for a domain now.
 *
 * Looked up and fetched by courier, kept in the state until their max_age is over, each under its domain. Only what was fetched
 * by https from mta-sts.DOMAIN, with a certificate for that name, as text/plain and without a redirect, becomes one. A
 * fetch that fails and a TXT record that is gone leave the policy that is known in force. Thread-safe; one thread at a time
 * looks a domain up, and who asks for the same one meanwhile waits for it. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "formats/sts/sts.h"
#include "letter/outcomes.h"

#define STS_DOMAINS_MAX                                                                            \
    4096 /* domains that are remembered; beyond it the one that was asked for the longest ago goes */
#define STS_RESULT_MAX 32 /* octets of a result type of RFC 8460 section 4.3 */
#define STS_WHY_MAX    200
#define STS_PROOF_MAX  64

struct keeper;
struct sts_cache;

enum sts_wish {
    STS_KNOWN,   /* what is remembered; nobody outside is asked */
    STS_CURRENT, /* the same when it was looked up a few minutes ago, else it is looked up */
    STS_RENEW,   /* letters fail by it: the file is fetched anew, whatever its id */
};

struct sts_known {
    bool
        unasked; /* nobody outside could be asked, and none is in force: whether there is one is not known */
    bool
        doubt; /* none is in force, and there may be one: it could not be fetched, or the DNS has not said */
    bool looked; /* somebody has asked for this domain since the start, or there is a policy */
    struct sts_policy policy; /* mode STS_NO_MODE: none is in force. In the arena */
    struct slice id;
    int64_t fetched_at;  /* wall milliseconds; 0: never */
    int64_t looked_at;   /* likewise: the last time the TXT record was asked for, since the start */
    const char *problem; /* the result type of RFC 8460 for a lookup that failed; NULL: none did */
    struct slice why;    /* a sentence for it */
    int64_t seen_at;     /* wall milliseconds: the last session; 0: none since the start */
    struct slice proof;  /* of it: what authenticated the server */
    struct slice published; /* and what the domain published */
};

/* Read what the state holds. Before the threads run. */
bool sts_open(struct keeper *k, struct error *e) MUST_CHECK;
void sts_close(struct keeper *k);

/* Find the policy of a domain (lower case, A-labels). Never fails: what cannot be found out is in *out. */
void sts_find(struct keeper *k, struct slice domain, enum sts_wish wish, struct arena *arena,
              struct sts_known *out);

/* Remember what the last session with a domain's servers came to; a domain that nobody looked up is passed over. */
void sts_seen(struct keeper *k, struct slice domain, const struct evidence *seen);

/* Fetch anew whatever is in force and half way to its end; one domain a call. True when there was one. For a thread. */
bool sts_keep_fresh(struct keeper *k);
