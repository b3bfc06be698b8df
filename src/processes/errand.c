#include "processes/errand.h"

#include "base/clock.h"

/* One errand while it is run. */
struct errand {
    const struct errands *errands;
    const struct courier_ask *ask;
    struct slice body;
    struct arena *arena;
    int64_t deadline_ms;
    struct address addresses[FETCH_ADDRESSES_MAX];
    size_t n_addresses;
};

static struct slice proxy_of(const struct errand *m)
{
    return role_settings(m->errands->role)->courier.proxy;
}

/* What is asked for, and where the answers go. */
struct names {
    const struct errands *errands;
    struct slice host;
    uint16_t port;
    int64_t deadline_ms;
    struct arena *arena;
    struct address *out;
    size_t count;
};

static bool add_records(struct names *n, enum dns_type type, struct slice *why)
{
    struct dns_answer answer;

    resolver_ask(n->errands->resolver, n->host, type, n->deadline_ms, n->arena, &answer);
    for (size_t i = 0; i < answer.n_records && n->count < FETCH_ADDRESSES_MAX; i++) {
        if (answer.records[i].len == (type == DNS_A ? 4 : 16)) {
            n->out[n->count++] = address_from_bytes(answer.records[i], n->port);
        }
    }
    *why = answer.why;
    return answer.status != DNS_FAILED && answer.status != DNS_BOGUS;
}

bool errand_addresses(const struct errands *errands, struct slice host, uint16_t port,
                      int64_t deadline_ms, struct arena *arena, struct address *out, size_t *count,
                      struct error *e)
{
    struct names n = {errands, host, port, deadline_ms, arena, out, 0};
    struct slice why = SLICE_NONE;

    if (address_parse(host, port, &out[0], e)) {
        *count = 1;
        return true;
    }
    bool known = add_records(&n, DNS_A, &why);
    if (role_settings(errands->role)->delivery.ipv6) {
        known = add_records(&n, DNS_AAAA, &why) && known;
    }
    *count = n.count;
    return n.count || error_set(e, ERROR_BUSY, "%.*s: %.*s", SLICE_ARG(host),
                                SLICE_ARG(known ? SLICE("it has no address") : why));
}

/* The addresses to connect to: of the proxy when there is one, which then finds the other's. */
static bool find_addresses(struct errand *m, struct slice url, struct error *e)
{
    struct slice proxy = proxy_of(m);
    struct fetch_place place;

    m->n_addresses = 0;
    return fetch_place(proxy.len ? proxy : url, m->arena, &place, e) &&
           (place.literal || errand_addresses(m->errands, place.host, place.port, m->deadline_ms,
                                              m->arena, m->addresses, &m->n_addresses, e));
}

/* Of a URL that a stranger chose: all its addresses are public. What a proxy finds behind a name is the proxy's business. */
static bool is_allowed(const struct errand *m, struct slice url, struct error *e)
{
    struct fetch_place place;
    struct address literal;

    if (!m->ask->public_only) {
        return true;
    }
    if (!fetch_place(url, m->arena, &place, e)) {
        return false;
    }
    bool allowed = !place.literal || (address_parse(place.host, place.port, &literal, e) &&
                                      address_is_public(&literal));
    for (size_t i = 0; i < m->n_addresses && proxy_of(m).len == 0; i++) {
        allowed = allowed && address_is_public(&m->addresses[i]);
    }
    return allowed || error_set(e, ERROR_DENIED, "it is at no public address");
}

static bool fetch_once(struct errand *m, struct slice url, struct buf *body,
                       struct fetch_answer *answer, struct error *e)
{
    const int64_t left_ms = m->deadline_ms - clock_steady_ms();
    const struct fetch_request request = {
        .method = (enum fetch_method)m->ask->method,
        .url = url,
        .headers = m->ask->headers.items,
        .n_headers = m->ask->headers.count,
        .body = m->body,
        .addresses = m->addresses,
        .n_addresses = m->n_addresses,
        .proxy = proxy_of(m),
        .trust = role_file(m->errands->role, "courier-trust-store"),
        .answer_max = m->ask->answer_max,
        .timeout_ms = left_ms,
    };

    if (left_ms <= 0) {
        return error_set(e, ERROR_BUSY, "it took too long");
    }
    return fetch(&request, m->arena, body, answer, e);
}

/* Is this answer a redirect that was asked to be followed? */
static bool leads_on(const struct errand *m, const struct fetch_answer *answer, uint64_t followed)
{
    bool asks_only = m->ask->method == FETCH_GET || m->ask->method == FETCH_HEAD;

    return asks_only && followed < m->ask->redirects && answer->forward.len > 0;
}

static bool run(struct errand *m, struct buf *body, struct fetch_answer *answer, struct error *e)
{
    struct slice url = m->ask->url;
    struct fetch_place from;
    struct fetch_place to;

    for (uint64_t followed = 0;; followed++) {
        if (!find_addresses(m, url, e) || !is_allowed(m, url, e) ||
            !fetch_once(m, url, body, answer, e)) {
            return false;
        }
        if (!leads_on(m, answer, followed)) {
            return true;
        }
        if (!fetch_place(url, m->arena, &from, e) ||
            !fetch_place(answer->forward, m->arena, &to, e)) {
            return false;
        }
        if (from.tls && !to.tls) {
            return error_set(e, ERROR_DENIED, "it leads from https to http");
        }
        url = answer->forward;
    }
}

bool errand_run(const struct errands *errands, const struct courier_ask *ask, struct slice body,
                struct arena *arena, struct buf *got, struct fetch_answer *answer, struct error *e)
{
    struct errand m = {.errands = errands,
                       .ask = ask,
                       .body = body,
                       .arena = arena,
                       .deadline_ms = clock_steady_ms() + (int64_t)ask->timeout_ms};

    if (ask->method < FETCH_GET || ask->method > FETCH_DELETE) {
        return error_set(e, ERROR_INPUT, "no such method");
    }
    return run(&m, got, answer, e);
}
