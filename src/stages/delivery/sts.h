/* stages/delivery/sts - a recipient domain's MTA-STS policy (RFC 8461) as delivery obeys it, and what is told of TLS for
 * reports (RFC 8460).
 *
 * The keeper knows the policies; delivery asks for the one in force whenever it opens a connection by MX records. Under
 * `enforce` a host that no pattern means is passed over, and the others must show a certificate for their own name that a
 * known authority signed: that is LEVEL_AUTHENTICATED. DANE counts before it (section 2). Pure but for the function
 * that asks. */
#pragma once

#include "formats/sts/sts.h"
#include "letter/records.h"
#include "requests/sts.h"

/* What is in force for one domain. Zeroed: nothing is. */
struct sts_rule {
    struct sts_policy policy;
    struct slice id;
    bool doubt; /* nothing is in force, and there may be a policy: it could not be fetched */
};

/**
 * Find the policy in force.
 *
 * @param renew  letters fail by the one that is known: look for a newer one
 * @param why    set on failure: a sentence
 * @return       false when that is not known: nothing may be sent by MX records
 */
typedef bool sts_ask(void *context, struct slice domain, bool renew, struct arena *arena,
                     struct sts_rule *out, struct slice *why);

/* Does the policy decide to which hosts letters may go? */
bool sts_rules(const struct sts_rule *rule);

/* Is this a host that no letter may go to? */
bool sts_refuses(const struct sts_rule *rule, struct slice host);

/* Are both the same? */
bool sts_same(const struct sts_rule *a, const struct sts_rule *b);

/* What became of the sessions of one attempt. */
struct tls_tally {
    struct tls_result results[TLS_RESULTS_MAX];
    size_t n;
};

/* Count a host that was passed over. NULL is fine, here and below. */
void tally_refused(struct tls_tally *t, struct slice host);

/* Count a session that was opened under a policy (enum tls_policy). */
void tally_opened(struct tls_tally *t, uint64_t policy, const struct sts_rule *rule,
                  const struct evidence *seen);

/* Count one that could not be, if that was because of TLS. `broken`: the handshake came to nothing. */
void tally_failed(struct tls_tally *t, uint64_t policy, const struct evidence *seen,
                  struct slice enhanced, bool broken);
