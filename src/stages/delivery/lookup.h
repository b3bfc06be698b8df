/* stages/delivery/lookup - what the DNS says about a domain's servers, judged by route.h.
 *
 * Thread-safe: it holds no state of its own. What it returns lives in the caller's arena. */
#pragma once

#include "host/resolver.h"
#include "stages/delivery/route.h"

/* Shared by all workers of a process; changes only with a reload. */
struct lookup {
    struct resolver *resolver;
    struct route_self self;
    uint16_t port; /* of servers that MX records or address literals name */
    bool ipv6;
    int64_t timeout_ms; /* of one question */
};

/**
 * Find the hosts that take letters for a domain.
 *
 * @param domain  lower case, A-labels, or an address literal
 * @param fixed   "host:port" of a fixed route; empty: by MX
 * @param secure  set when DNSSEC proves the list; settings and literals prove nothing by DNSSEC
 * @return        never ROUTE_ASK_MX
 */
struct route lookup_route(const struct lookup *l, struct slice domain, struct slice fixed,
                          struct arena *arena, bool *secure);

struct lookup_addresses {
    struct address addresses[ROUTE_ADDRESSES_MAX];
    size_t n;
    bool secure;
    bool failed; /* an answer is missing: there may be more */
    bool self;   /* some were left out because we listen there ourselves */
    struct slice why;
};

/* Find the addresses of one host, in the order to try. */
void lookup_addresses(const struct lookup *l, const struct route_host *host, struct arena *arena,
                      struct lookup_addresses *found);
