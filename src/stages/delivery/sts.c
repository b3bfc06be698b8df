#include "stages/delivery/sts.h"

bool sts_rules(const struct sts_rule *rule)
{
    return rule->policy.mode == STS_ENFORCE;
}

bool sts_refuses(const struct sts_rule *rule, struct slice host)
{
    return sts_rules(rule) && !sts_admits(&rule->policy, host);
}

bool sts_same(const struct sts_rule *a, const struct sts_rule *b)
{
    if (a->policy.mode != b->policy.mode || a->policy.n_mx != b->policy.n_mx ||
        !slice_equal(a->id, b->id)) {
        return false;
    }
    for (size_t i = 0; i < a->policy.n_mx; i++) {
        if (!slice_equal(a->policy.mx[i], b->policy.mx[i])) {
            return false;
        }
    }
    return true;
}

static void add(struct tls_tally *t, uint64_t policy, struct slice type, struct slice host,
                struct slice address)
{
    if (t && t->n < TLS_RESULTS_MAX) {
        t->results[t->n++] = (struct tls_result){policy, type, host, address};
    }
}

/* The address without its port. */
static struct slice bare(struct slice address)
{
    struct slice rest = SLICE_NONE;

    return address.len && address.ptr[0] == '[' ? slice_cut(slice_from(address, 1), ']', &rest)
                                                : slice_cut(address, ':', &rest);
}

/* RFC 8460 section 4.3.1, of what the certificate came to; empty: it convinced. */
static struct slice type_of(struct slice verdict)
{
    static const struct {
        struct slice verdict;
        struct slice type;
    } types[] = {
        {SLICE_INIT("verified"),      SLICE_INIT("")                         },
        {SLICE_INIT("name-mismatch"), SLICE_INIT("certificate-host-mismatch")},
        {SLICE_INIT("expired"),       SLICE_INIT("certificate-expired")      },
        {SLICE_INIT("untrusted"),     SLICE_INIT("certificate-not-trusted")  },
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (slice_equal(verdict, types[i].verdict)) {
            return types[i].type;
        }
    }
    return SLICE("validation-failure");
}

void tally_refused(struct tls_tally *t, struct slice host)
{
    add(t, TLS_POLICY_STS, SLICE("validation-failure"), host, SLICE_NONE);
}

void tally_opened(struct tls_tally *t, uint64_t policy, const struct sts_rule *rule,
                  const struct evidence *seen)
{
    struct slice type = SLICE_NONE;

    if (seen->level <= LEVEL_CLEARTEXT) {
        type = SLICE("starttls-not-supported");
    } else if (policy == TLS_POLICY_STS && !sts_admits(&rule->policy, seen->host)) {
        type = SLICE("validation-failure");
    } else if (policy == TLS_POLICY_STS) {
        type = type_of(seen->verdict);
    }
    add(t, policy, type, seen->host, bare(seen->address));
}

void tally_failed(struct tls_tally *t, uint64_t policy, const struct evidence *seen,
                  struct slice enhanced, bool broken)
{
    if (slice_equal(enhanced, SLICE("4.7.4"))) {
        add(t, policy, SLICE("starttls-not-supported"), seen->host, bare(seen->address));
    } else if (policy == TLS_POLICY_STS && seen->tls_version.len) {
        struct slice type = type_of(seen->verdict);
        if (type.len) { /* otherwise TLS was well, and something else failed */
            add(t, policy, type, seen->host, bare(seen->address));
        }
    } else if (broken) {
        add(t, policy, SLICE("validation-failure"), seen->host, bare(seen->address));
    }
}
