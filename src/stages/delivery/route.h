/* stages/delivery/route - where the letters for a domain go: which hosts, in which order.
 *
 * Pure: it judges what settings and DNS answers say and asks nothing itself (lookup.h does). Obeys
 * RFC 5321 section 5.1 (MX, implicit MX, loops), RFC 7505 (null MX) and section 4.1.3 (address
 * literals). Everything it returns lives in the caller's arena or looks into its arguments. */
#pragma once

#include <netinet/in.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

#define ROUTE_PORT          25
#define ROUTE_HOSTS_MAX     20 /* hosts of one domain that are tried */
#define ROUTE_ADDRESSES_MAX 10 /* addresses of one host that are tried */

/* A host to hand letters to, as a person wrote it or as an MX record named it. */
struct route_host {
    struct slice name; /* lower case; an address without brackets when `literal` */
    bool literal;
    uint16_t port;
    uint16_t preference; /* lower is tried first; equals in random order */
};

/* What settings say about a domain; the first rule that matches wins. */
struct route_rule {
    struct slice domain;      /* "partner.test", ".partner.test" for all below it, "*" for all */
    struct route_host *hosts; /* handed to these instead of the domain's MX; tried in order */
    size_t n_hosts;
    struct slice account;  /* AUTH at these hosts: name; empty: no AUTH */
    struct slice password; /* ... and its password */
    bool smart_host;       /* beyond these hosts the letter's way is unknown */
};

enum route_verdict {
    ROUTE_FOUND,
    ROUTE_ASK_MX, /* route_by_rules() alone: no rule says, so ask the DNS */
    ROUTE_NEVER,  /* no way to deliver: code and why say it to the sender */
    ROUTE_LATER,  /* the DNS gave no usable answer: code and why */
};

struct route {
    enum route_verdict verdict;
    struct route_host *hosts; /* in the order to try; n_hosts of them when FOUND */
    size_t n_hosts;
    const struct route_rule *rule; /* the rule that chose the hosts, or NULL */
    const char *code;              /* enhanced status (RFC 3463), e.g. "5.1.10" */
    struct slice why;              /* a sentence for the sender */
};

/* One MX record, or one address the DNS gave. */
struct route_mx {
    uint16_t preference;
    struct slice host; /* lower case; empty is the root of a null MX */
};

/* Our own names and addresses: a letter is never handed back to ourselves. */
struct route_self {
    struct slice name; /* lower case */
    const struct sockaddr_storage *listeners;
    size_t n_listeners;
};

/* Random bits, one call a decision: settings give getrandom(), tests a counter. */
typedef uint32_t route_random(void *context);

/**
 * Read "HOST", "HOST:PORT", "[192.0.2.1]:PORT" or "[IPv6:2001:db8::1]".
 *
 * @return false with ERROR_CONFIG when the text is none of these
 */
bool route_host_read(struct slice text, struct arena *arena, struct route_host *host,
                     struct error *e) MUST_CHECK;

/* Decide by settings and the form of the domain alone: FOUND for a rule or an address literal,
 * NEVER for a malformed literal, otherwise ASK_MX. `domain` is lower case. */
struct route route_by_rules(struct slice domain, const struct route_rule *rules, size_t n_rules,
                            struct arena *arena);

/**
 * Decide by MX records.
 *
 * @param n_mx  0 when the domain exists and has none: then the domain itself is the host (implicit
 *              MX, preference 0), which must turn out to have an address
 * @return      FOUND with at most ROUTE_HOSTS_MAX hosts below our own preference when we are among
 *              them; NEVER with 5.1.10 for the null MX and 5.4.6 when that leaves none
 */
struct route route_by_mx(struct slice domain, const struct route_mx *mx, size_t n_mx,
                         const struct route_self *self, route_random *random, void *context,
                         struct arena *arena);

/* Build the verdict for a domain without hosts: `never` or later, with its code and sentence. */
struct route route_none(bool never, const char *code, struct slice why);

/* An IPv4 or IPv6 address in text, without brackets, into *address. False when it is neither. */
bool route_address_read(struct slice text, uint16_t port,
                        struct sockaddr_storage *address) MUST_CHECK;

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
                       void *context,
                       struct sockaddr_storage addresses[static ROUTE_ADDRESSES_MAX]);

/* True when `address` is one we listen on. */
bool route_is_self(const struct route_self *self, const struct sockaddr_storage *address);
