/* stages/delivery/reach - a session with one of the servers that take letters for a domain.
 *
 * Routes, looks up, and tries host after host and address after address until one session stands
 * at the level demanded. Lower levels, other domains, or ourselves are never tried. */
#pragma once

#include "stages/delivery/gate.h"
#include "stages/delivery/lookup.h"
#include "stages/delivery/session.h"
#include "stages/delivery/sts.h"

#define REACH_TRIES_MAX 10              /* connections tried in one attempt */
#define REACH_BUDGET_MS (5 * 60 * 1000) /* after which no further one is begun */
#define REACH_WAIT_MS   10000 /* the wait for a place at an address that is busy with our letters */

struct kept;

/* Shared by all workers of a process; changes only with a reload. */
struct reach {
    struct lookup lookup;
    struct session_settings session;
    struct gate *gate;
    uint64_t per_address; /* connections to one address at once */
    int64_t wait_ms;      /* for a place when all are taken */
    struct kept *kept;    /* whose resting sessions make room for new ones; may be NULL */
    sts_ask *sts;         /* NULL: no MTA-STS policies are obeyed */
    void *sts_context;
};

/* Where one job's letters must go. */
struct reach_goal {
    struct slice domain; /* lower case, A-labels, or an address literal */
    struct slice route;  /* "host:port", or empty: by MX */
    enum tls_level level;
    const struct slice *names; /* the certificate may show one of these instead of the host's */
    size_t n_names;
    const struct slice *pins; /* what the settings pin, as TLSA records */
    size_t n_pins;
    bool pinned;      /* they do pin something */
    bool require_tls; /* RFC 8689 */
    bool
        unproven; /* what the domain publishes of its servers does not count, and is not asked for */
    bool implicit_tls;
    struct tls_tally *tally; /* gets what became of TLS; may be NULL */
    struct slice user;       /* AUTH at the smart host */
    struct slice password;
};

/* A session and the place at the gate that it holds. */
struct reached {
    struct session *session;
    struct gate *gate;
    int place;
};

/**
 * Open a session with the first server that has one for us.
 *
 * @param out  set on success; its session looks into *r, which must outlive it
 * @param failure  set on failure. `why`: FAILED when the DNS says for sure that there is no server
 *                 or all servers tried said so, otherwise DEFERRED; `seen`: of the last server
 *                 tried, or of the best that offered too low a level, empty when none was;
 *                 `tls_broken`: of one of them
 */
bool reach_open(const struct reach *r, const struct reach_goal *goal, struct arena *arena,
                struct reached *out, struct session_failure *failure)
    __attribute__((warn_unused_result));

/* End the session, if there is one, and give its place back. */
void reach_close(struct reached *reached);
