/* host/fetch - one HTTP exchange with a server whose addresses are already known (libcurl).
 *
 * Only http and https, only to the addresses given, no redirects, no cookies, no proxy but the one
 * given, nothing read from files or the environment. What comes back is bounded in bytes and time,
 * and it is what a stranger says: nothing here believes it. Thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include "host/address.h"

#define FETCH_URL_MAX       2048
#define FETCH_HEADERS_MAX   32
#define FETCH_ADDRESSES_MAX 8
#define FETCH_HEAD_MAX      ((size_t)64 << 10) /* bytes of an answer's header */

enum fetch_method { FETCH_GET = 1, FETCH_POST, FETCH_PUT, FETCH_HEAD, FETCH_DELETE };

struct fetch_place {
    struct slice host; /* lower case, without brackets; from the arena */
    uint16_t port;
    bool tls;
    bool literal; /* host is an address */
};

/* A line to a server that is kept between exchanges: one TLS handshake for many. One thread at a time. */
struct fetch_line;
struct fetch_line *fetch_line_new(void) __attribute__((returns_nonnull));
void fetch_line_free(struct fetch_line *l);

struct fetch_request {
    struct fetch_line *line; /* NULL: one of its own, closed behind it */
    enum fetch_method method;
    struct slice url;
    const struct slice *headers; /* "Name: value" */
    size_t n_headers;
    struct slice body;               /* of POST and PUT */
    const struct address *addresses; /* of the URL's host, or of the proxy's when there is one */
    size_t n_addresses;
    struct slice proxy; /* "http://host:port", or empty */
    struct slice trust; /* PEM of the authorities that https servers are verified with */
    size_t answer_max;  /* bytes of the answer's body */
    int64_t timeout_ms; /* for everything */
};

struct fetch_answer {
    unsigned status;      /* 100 to 999 */
    struct slice type;    /* Content-Type as the server wrote it; from the arena */
    struct slice forward; /* where a 3xx points, as an absolute URL; empty without */
};

/* Load what libcurl and OpenSSL load once, and may look at files for: before the sandbox. */
bool fetch_init(struct error *e) MUST_CHECK;

/* Take an http or https URL apart. ERROR_INPUT for anything else, and for one with a user name. */
bool fetch_place(struct slice url, struct arena *arena, struct fetch_place *out,
                 struct error *e) MUST_CHECK;

/**
 * Ask and read the whole answer, whatever its status.
 *
 * @param body  emptied, then filled; its maximum is at least answer_max
 * @return      false with ERROR_INPUT when URL or header cannot be sent; ERROR_LIMIT when the answer
 *              is longer than allowed; ERROR_DENIED when the server's certificate does not
 *              convince; ERROR_BUSY when it cannot be reached, is too slow, hangs up
 */
bool fetch(const struct fetch_request *r, struct arena *arena, struct buf *body,
           struct fetch_answer *answer, struct error *e) MUST_CHECK;
