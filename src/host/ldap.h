/* host/ldap - questions to a directory server (LDAPv3, RFC 4511): OpenLDAP's library behind our own types and connections.
 *
 * The library frames messages; it opens no socket, resolves no name and speaks no TLS here. All that is done by host/conn,
 * so one TLS library decides about certificates, every wait has an end, and nothing is read from files. Referrals are not
 * followed. A link belongs to one thread. Texts from the server are data: none of them is a format or a path. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"

#include "host/address.h"
#include "host/tls.h"

#define DIRLINK_ATTRIBUTES_MAX 24
#define DIRLINK_VALUES_MAX     5000 /* of one attribute; those behind are left out, and that is said */
#define DIRLINK_MESSAGE_MAX    ((size_t)16 << 20) /* bytes of one message from the server */
#define DIRLINK_LOOKUP_MAX                                                                         \
    ((size_t)1 << 20) /* bytes of an answer: to a question that is not paged, ... */
#define DIRLINK_PAGE_MAX ((size_t)64 << 20) /* ... and to one that is */
#define DIRLINK_PAGE     500                /* entries asked for at once (RFC 2696) */

struct dirlink;

struct dirlink_target {
    const struct address *address;
    struct slice name; /* that its certificate must show */
    struct tls_client *trust;
    bool starttls;
    int64_t timeout_ms; /* for each question */
    int64_t until_ms;   /* for all of them, of clock_steady_ms(); dirlink_until() moves it */
};

/* Let the library begin while there is only one thread and no walls: it looks at its environment then, and at no file. */
void dirlink_prepare(void);

/**
 * Connect, with TLS before anything is said but STARTTLS (RFC 4511 section 4.14), and a certificate that convinces.
 *
 * @return  NULL with ERROR_BUSY: nobody answers; ERROR_DENIED: the certificate does not convince
 */
struct dirlink *dirlink_open(const struct dirlink_target *target, struct error *e) MUST_CHECK;

/* Have it end at another time. */
void dirlink_until(struct dirlink *l, int64_t until_ms);

/* Say good-bye and free. NULL is fine. */
void dirlink_close(struct dirlink *l);

enum dirlink_bound {
    DIRLINK_BOUND,
    DIRLINK_REFUSED, /* wrong password, no such entry, locked: the server says no */
};

/**
 * Sign in (simple bind). An empty password is never said: the server would take it for nobody, and say yes (RFC 4513
 * section 5.1.2).
 *
 * @return  false with ERROR_BUSY when the server gives no answer that is either
 */
bool dirlink_bind(struct dirlink *l, struct slice dn, struct slice password,
                  enum dirlink_bound *bound, struct error *e) MUST_CHECK;

struct dirlink_values {
    const struct slice *values;
    size_t count;
    bool
        more; /* there were others, which did not fit, or which the server gives in parts (`;range=`) */
};

struct dirlink_entry {
    struct slice dn;
    const struct dirlink_values *attributes; /* as they were asked for, by their places */
};

struct dirlink_search {
    struct slice base;
    bool base_alone; /* that entry, not what is below */
    struct slice filter;
    const struct slice *attributes; /* names; at most DIRLINK_ATTRIBUTES_MAX */
    size_t n_attributes;
    struct slice cookie; /* where to go on; empty: from the beginning, and at the end */
    bool paged;
    bool limited; /* set: it failed by a limit of the server's (RFC 4511 section 4.5.1) */
};

/**
 * Ask for entries: a page of DIRLINK_PAGE with `paged`, whose end moves search->cookie on; all of them without.
 *
 * @param entries  in the arena, with all their values
 * @param found    false when the base is not there
 * @return         false with ERROR_BUSY, ERROR_INPUT (a filter that is none), ERROR_DENIED, ERROR_LIMIT (the answer is too
 *                 long, or does not fit into the arena)
 */
bool dirlink_ask(struct dirlink *l, struct dirlink_search *search, struct arena *arena,
                 struct dirlink_entry **entries, size_t *count, bool *found,
                 struct error *e) MUST_CHECK;

/* Whether an answer's attribute is a part of the one that was asked for: `member;range=0-1499` of `member` (MS-ADTS section
 * 3.1.1.3.1.3.3). */
bool dirlink_is_range(struct slice attribute, struct slice asked);

/* The same distinguished name always in the same words (RFC 4514), in lower case, to be compared; empty: it is none. */
struct slice dirlink_dn(struct slice dn, struct arena *arena);

OWN_BY(dirlink, struct dirlink, dirlink_close)
