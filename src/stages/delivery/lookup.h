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

/* Ask one question within the timeout. */
void lookup_ask(const struct lookup *l, struct slice name, enum dns_type type, struct arena *arena,
                struct dns_answer *answer);

/* Why the names of a route's hosts can be believed. */
struct lookup_trust {
    bool secure; /* DNSSEC proves the list; settings and literals prove nothing by DNSSEC */
    bool set;    /* the settings name the host */
    struct slice canonical; /* what the domain is an alias of, if the answer says so */
};

/**
 * Find the hosts that take letters for a domain.
 *
 * @param domain  lower case, A-labels, or an address literal
 * @param fixed   "host:port" of a fixed route; empty: by MX
 * @param trust  set to why the hosts' names can be believed
 * @return       never ROUTE_ASK_MX
 */
struct route lookup_route(const struct lookup *l, struct slice domain, struct slice fixed,
                          struct arena *arena, struct lookup_trust *trust);

struct lookup_addresses {
    struct address addresses[ROUTE_ADDRESSES_MAX];
    size_t n;
    bool secure;            /* DNSSEC proves every answer that gave one */
    struct slice canonical; /* what the host is an alias of; empty: of nothing */
    bool failed;            /* an answer is missing: there may be more */
    bool self;              /* some were left out because we listen there ourselves */
    struct slice why;
};

/* Find the addresses of one host, in the order to try. */
void lookup_addresses(const struct lookup *l, const struct route_host *host, struct arena *arena,
                      struct lookup_addresses *found);
