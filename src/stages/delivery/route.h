/* stages/delivery/route - where the letters for a domain go: which hosts, in which order.
 *
 * Pure: it judges what settings and DNS answers say and asks nothing itself (lookup.h does). Obeys
 * RFC 5321 section 5.1 (MX, implicit MX, loops), RFC 7505 (null MX) and section 4.1.3 (address
 * literals). Everything it returns lives in the caller's arena or looks into its arguments. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

#include "host/address.h"

#define ROUTE_HOSTS_MAX     20 /* hosts of one domain that are tried */
#define ROUTE_ADDRESSES_MAX 10 /* addresses of one host that are tried */

/* A host to hand letters to, as a setting, an address literal or an MX record named it. */
struct route_host {
    struct slice name; /* lower case; an address without brackets when `literal` */
    bool literal;
    uint16_t port;
    uint16_t preference; /* lower is tried first; equals in random order */
};

enum route_verdict {
    ROUTE_FOUND,
    ROUTE_ASK_MX, /* route_fixed() alone: nothing is fixed, so ask the DNS */
    ROUTE_NEVER,  /* no way to deliver: code and why say it to the sender */
    ROUTE_LATER,  /* the DNS gave no usable answer: code and why */
};

struct route {
    enum route_verdict verdict;
    struct route_host *hosts; /* in the order to try; n_hosts of them when FOUND */
    size_t n_hosts;
    const char *code; /* enhanced status (RFC 3463), e.g. "5.1.10" */
    struct slice why; /* a sentence for the sender */
};

/* One MX record, or one address the DNS gave. */
struct route_mx {
    uint16_t preference;
    struct slice host; /* lower case; empty is the root of a null MX */
};

/* Our own names and addresses: a letter is never handed back to ourselves. */
struct route_self {
    struct slice name; /* lower case */
    const struct address *listeners;
    size_t n_listeners;
};

/* Random bits, one call a decision: settings give getrandom(), tests a counter. */
typedef uint32_t route_random(void *context);

/**
 * Decide by what needs no question: a fixed route, or an address literal (RFC 5321 section 4.1.3).
 *
 * @param domain  lower case, A-labels
 * @param fixed   "host:port", "192.0.2.1:25" or "[2001:db8::1]:25"; empty: the domain decides
 * @param port    for an address literal
 * @return        FOUND with one host; NEVER for a malformed literal or route; ASK_MX otherwise
 */
struct route route_fixed(struct slice domain, struct slice fixed, uint16_t port,
                         struct arena *arena);

/**
 * Decide by MX records.
 *
 * @param n_mx  0 when the domain exists and has none: then the domain itself is the host (implicit
 *              MX, preference 0), which must turn out to have an address
 * @return      FOUND with at most ROUTE_HOSTS_MAX hosts below our own preference when we are among
 *              them; NEVER with 5.1.10 for the null MX and 5.4.6 when that leaves none
 */
struct route route_by_mx(struct slice domain, const struct route_mx *mx, size_t n_mx, uint16_t port,
                         const struct route_self *self, route_random *random, void *context,
                         struct arena *arena);

/* Build the verdict for a domain without hosts: `never` or later, with its code and sentence. */
struct route route_none(bool never, const char *code, struct slice why);

/**
 * Order one host's addresses: each family in random order, then one of IPv6, one of IPv4 and so on
 * (RFC 8305 section 4), so that a broken family costs one time-out and not many. Addresses we
 * listen on ourselves are left out.
 *
 * @param v4, v6     RDATA of A and AAAA records; others' lengths are passed over
 * @param addresses  room for ROUTE_ADDRESSES_MAX
 * @return           how many were written
 */
size_t route_addresses(const struct slice *v4, size_t n_v4, const struct slice *v6, size_t n_v6,
                       uint16_t port, const struct route_self *self, route_random *random,
                       void *context, struct address addresses[static ROUTE_ADDRESSES_MAX]);

/* True when `address` is one we listen on. */
bool route_is_self(const struct route_self *self, const struct address *address);
