#include "stages/delivery/reach.h"

#include "base/clock.h"

#include "stages/delivery/kept.h"

#define LOOK_MS 50 /* how often somebody who waits looks for a session that has come to rest */

/* One attempt's way through hosts and addresses. */
struct search {
    const struct reach *reach;
    const struct reach_goal *goal;
    struct arena *arena;
    struct reached *out;
    int64_t end_ms;
    unsigned tries;
    struct lookup_trust trust;
    struct sts_rule rule; /* the MTA-STS policy in force */
    bool unasked;         /* the keeper could not say which that is */
    bool ruled_out;       /* a host failed by it */
    bool passed;          /* an address was passed over: its places are taken */
    bool busy;            /* also one of the preference that is tried now; the first such: */
    const struct route_host *busy_host;
    struct address busy_address;
    bool busy_secure;
    struct proof busy_proof;
    bool self;                    /* a host turned out to be ourselves */
    struct recipient_outcome why; /* status 0: no server was tried */
    struct evidence seen;
    bool tls_broken; /* by one of them */
};

/* Of several servers' words a "later" counts more than a "never": only when all refuse for good
 * does the letter go back. */
static void remember(struct search *s, struct recipient_outcome why)
{
    if (s->why.status != DELIVERY_DEFERRED || why.status == DELIVERY_DEFERRED) {
        s->why = why;
    }
}

static void remember_seen(struct search *s, const struct evidence *seen)
{
    if (seen->level >= s->seen.level) {
        s->seen = *seen;
    }
}

static void remember_busy(struct search *s, const struct route_host *host,
                          const struct address *address, bool secure, const struct proof *proof)
{
    s->passed = true;
    if (!s->busy) {
        s->busy = true;
        s->busy_host = host;
        s->busy_address = *address;
        s->busy_secure = secure;
        s->busy_proof = *proof;
    }
}

/* Other domains' sessions that rest at the same address give way, also those that come to rest
 * while we wait: many domains have their letters taken by the same few servers. */
static int take_place(const struct reach *r, const struct address *address, int64_t wait_ms)
{
    int64_t end_ms = clock_steady_ms() + wait_ms;
    int place = gate_enter(r->gate, address, r->per_address, 0);
    int64_t now_ms = clock_steady_ms();

    while (place < 0 && ((r->kept && kept_make_room(r->kept, address)) || now_ms < end_ms)) {
        int64_t look_ms = now_ms + LOOK_MS < end_ms ? now_ms + LOOK_MS : end_ms;
        place = gate_enter(r->gate, address, r->per_address, look_ms);
        now_ms = clock_steady_ms();
    }
    return place;
}

static void fail_session(struct search *s, const struct proof *proof,
                         const struct session_failure *failure)
{
    remember(s, failure->why);
    remember_seen(s, &failure->seen);
    s->tls_broken |= failure->tls_broken;
    s->ruled_out |= proof->kind == PROOF_STS;
    tally_failed(s->goal->tally, proof_policy(proof, &s->rule), &failure->seen,
                 failure->why.enhanced, failure->tls_broken);
}

static bool try_address(struct search *s, const struct route_host *host,
                        const struct address *address, bool secure, const struct proof *proof,
                        int64_t wait_ms)
{
    const struct reach *r = s->reach;
    struct session_peer peer = {
        .host = host->name,
        .address = *address,
        .level = s->goal->level > proof->floor ? s->goal->level : proof->floor,
        .require_tls = s->goal->require_tls,
        .implicit_tls = s->goal->implicit_tls,
        .dnssec = secure && s->trust.secure,
        .proof = *proof,
        .user = s->goal->user,
        .password = s->goal->password,
    };
    struct session_failure failure = {0};

    if (peer.require_tls && peer.level < LEVEL_VERIFIED) {
        peer.level = LEVEL_VERIFIED;
    }
    int place = take_place(r, address, wait_ms);
    if (place < 0) {
        remember_busy(s, host, address, secure, proof);
        return false;
    }
    s->tries++;
    struct session *session = session_open(&r->session, &peer, s->arena, &failure);
    if (!session) {
        gate_leave(r->gate, place);
        fail_session(s, proof, &failure);
        return false;
    }
    if (s->goal->tally) {
        const struct evidence seen = session_evidence(session, s->arena);
        tally_opened(s->goal->tally, proof_policy(proof, &s->rule), &s->rule, &seen);
    }
    *s->out = (struct reached){session, r->gate, place};
    return true;
}

static bool may_try(const struct search *s)
{
    return s->tries < REACH_TRIES_MAX && clock_steady_ms() < s->end_ms;
}

/* RFC 8689 section 4.2.1: a certificate is worth nothing when whoever forges the MX records chooses its name. */
static bool refuse_unnamed(struct search *s, const struct route_host *host)
{
    struct slice why = arena_printf(
        s->arena,
        "REQUIRETLS is wanted, and neither DNSSEC nor MTA-STS nor a pin or route of ours proves "
        "that %.*s is a mail server of %.*s, which is not its own name either",
        SLICE_ARG(host->name), SLICE_ARG(s->goal->domain));

    /* A policy that cannot be fetched now may name it: what may be an attack is waited out. */
    remember(s, s->rule.doubt ? session_outcome(DELIVERY_DEFERRED, 0, "4.7.5", why, s->arena)
                              : session_outcome(DELIVERY_FAILED, 0, "5.7.30", why, s->arena));
    return false;
}

/* What must prove the host; false when that is not known, so that nothing may go there. */
static bool find_proof(struct search *s, const struct route_host *host,
                       const struct lookup_addresses *found, struct proof *proof)
{
    const struct proof_of of = {
        .domain = s->trust.set ? SLICE_NONE : s->goal->domain,
        .canonical = s->trust.secure ? s->trust.canonical : SLICE_NONE,
        .names = s->goal->names,
        .n_names = s->goal->n_names,
        .pins = s->goal->pins,
        .n_pins = s->goal->n_pins,
        .pinned = s->goal->pinned,
        .proven = s->trust.secure || s->trust.set,
        .waived = s->goal->unproven,
        .sts = &s->rule,
    };
    struct slice why = SLICE_NONE;

    if (proof_of_host(&s->reach->lookup, &of, host, found, s->arena, proof, &why)) {
        if (s->goal->unproven && !s->goal->pinned) {
            proof->published = SLICE("not asked for: an override, or the sender, waives it");
        }
        return !s->goal->require_tls || proof->named || refuse_unnamed(s, host);
    }
    if (proof->kind == PROOF_STS) {
        s->ruled_out = true;
        tally_refused(s->goal->tally, host->name);
    }
    remember(s, session_outcome(DELIVERY_DEFERRED, 0, "4.7.5", why, s->arena));
    return false;
}

static bool try_host(struct search *s, const struct route_host *host)
{
    struct lookup_addresses found;
    struct proof proof = {0};

    lookup_addresses(&s->reach->lookup, host, s->arena, &found);
    s->self |= found.self;
    if (found.failed) {
        remember(s, session_outcome(DELIVERY_DEFERRED, 0, "4.4.3", found.why, s->arena));
    }
    if (found.n == 0 || !find_proof(s, host, &found, &proof)) {
        return false;
    }
    for (size_t i = 0; i < found.n && may_try(s); i++) {
        if (try_address(s, host, &found.addresses[i], found.secure, &proof, 0)) {
            return true;
        }
    }
    return false;
}

/* What it means that no session stands. A server that was not asked may say yes later. */
static struct recipient_outcome conclude(struct search *s)
{
    if (s->why.status == DELIVERY_DEFERRED || (s->why.status != 0 && !s->passed)) {
        return s->why;
    }
    if (s->passed) {
        return session_outcome(DELIVERY_DEFERRED, 0, "4.4.5",
                               SLICE("as many connections to this server as allowed are busy"),
                               s->arena);
    }
    if (s->self) {
        return session_outcome(DELIVERY_FAILED, 0, "5.4.6",
                               arena_printf(s->arena,
                                            "the mail servers of %.*s lead back to this one",
                                            SLICE_ARG(s->goal->domain)),
                               s->arena);
    }
    return session_outcome(
        DELIVERY_FAILED, 0, "5.4.4",
        arena_printf(s->arena, "no mail server of %.*s has an address", SLICE_ARG(s->goal->domain)),
        s->arena);
}

/* Wait for the first server that was passed over, before lower preferences get what is meant for
 * higher ones. */
static bool try_busy(struct search *s)
{
    bool busy = s->busy && may_try(s);

    s->busy = false;
    return busy && try_address(s, s->busy_host, &s->busy_address, s->busy_secure, &s->busy_proof,
                               s->reach->wait_ms);
}

static bool try_hosts(struct search *s, const struct route *route)
{
    for (size_t i = 0; i < route->n_hosts && may_try(s); i++) {
        bool lower = i > 0 && route->hosts[i].preference != route->hosts[i - 1].preference;
        if ((lower && try_busy(s)) || try_host(s, &route->hosts[i])) {
            return true;
        }
    }
    return try_busy(s);
}

/* Ask what policy is in force; false when that is not known, so that nothing may be sent. */
static bool find_rule(struct search *s, bool renew)
{
    const struct reach *r = s->reach;
    bool by_mx = s->goal->route.len == 0 && s->goal->domain.len && s->goal->domain.ptr[0] != '[';
    struct slice why = SLICE_NONE;

    if (!r->sts || !by_mx || s->goal->unproven ||
        r->sts(r->sts_context, s->goal->domain, renew, s->arena, &s->rule, &why)) {
        return true;
    }
    s->why = session_outcome(DELIVERY_DEFERRED, 0, "4.7.5", why, s->arena);
    s->unasked = true;
    return false;
}

/* Letters failed by the policy: is there another one by now (RFC 8461 section 5.1)? Then all begins anew. */
static bool is_renewed(struct search *s)
{
    const struct sts_rule before = s->rule;

    if (!s->ruled_out || !find_rule(s, true) || sts_same(&before, &s->rule)) {
        return false;
    }
    s->why = (struct recipient_outcome){0};
    s->ruled_out = s->passed = s->busy = false;
    return true;
}

bool reach_open(const struct reach *r, const struct reach_goal *goal, struct arena *arena,
                struct reached *out, struct session_failure *failure)
{
    struct search s = {
        .reach = r,
        .goal = goal,
        .arena = arena,
        .out = out,
        .end_ms = clock_steady_ms() + REACH_BUDGET_MS,
    };
    struct route route = lookup_route(&r->lookup, goal->domain, goal->route, arena, &s.trust);

    if (route.verdict != ROUTE_FOUND) {
        *failure = (struct session_failure){
            .why =
                session_outcome(route.verdict == ROUTE_NEVER ? DELIVERY_FAILED : DELIVERY_DEFERRED,
                                0, route.code, route.why, arena)};
        return false;
    }
    if (find_rule(&s, false) &&
        (try_hosts(&s, &route) || (is_renewed(&s) && try_hosts(&s, &route)))) {
        return true;
    }
    *failure = (struct session_failure){.why = conclude(&s),
                                        .seen = s.seen,
                                        .tls_broken = s.tls_broken,
                                        .busy = s.tries == 0 &&
                                                (s.unasked || (s.passed && s.why.status == 0))};
    return false;
}

void reach_close(struct reached *reached)
{
    session_close(reached->session);
    if (reached->session) {
        gate_leave(reached->gate, reached->place);
    }
    *reached = (struct reached){.place = -1};
}
