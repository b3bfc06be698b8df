#include "stages/delivery/lookup.h"

#include <errno.h>
#include <sys/random.h>

#include "base/clock.h"

static uint32_t kernel_random(void *unused)
{
    uint32_t bits = 0;
    (void)unused;
    while (getrandom(&bits, sizeof(bits), 0) < 0 && errno == EINTR) {
    }
    return bits;
}

void lookup_ask(const struct lookup *l, struct slice name, enum dns_type type, struct arena *arena,
                struct dns_answer *answer)
{
    resolver_ask(l->resolver, name, type, clock_steady_ms() + l->timeout_ms, arena, answer);
}

/* Records that are no MX records are passed over; none at all that can be read is not "no MX". */
static struct route by_records(const struct lookup *l, struct slice domain,
                               const struct dns_answer *answer, struct arena *arena)
{
    struct route_mx *mx = arena_array(arena, answer->n_records + 1, sizeof(*mx));
    size_t n = 0;

    for (size_t i = 0; i < answer->n_records; i++) {
        n += dns_mx_read(answer->records[i], arena, &mx[n].preference, &mx[n].host);
    }
    if (answer->n_records > 0 && n == 0) {
        return route_none(
            true, "5.4.4",
            arena_printf(arena, "%.*s names no usable mail server", SLICE_ARG(domain)));
    }
    return route_by_mx(domain, mx, n, l->port, &l->self, kernel_random, NULL, arena);
}

struct route lookup_route(const struct lookup *l, struct slice domain, struct slice fixed,
                          struct arena *arena, struct lookup_trust *trust)
{
    struct route route = route_fixed(domain, fixed, l->port, arena);
    struct dns_answer answer = {0};

    *trust = (struct lookup_trust){.set = fixed.len > 0};
    if (route.verdict != ROUTE_ASK_MX) {
        return route;
    }
    lookup_ask(l, domain, DNS_MX, arena, &answer);
    trust->secure = answer.secure;
    trust->canonical = answer.canonical;
    switch (answer.status) {
    case DNS_FOUND:
    case DNS_NO_DATA:
        break;
    case DNS_NO_NAME:
        return route_none(true, "5.1.2",
                          arena_printf(arena, "the domain %.*s does not exist", SLICE_ARG(domain)));
    case DNS_FAILED:
    case DNS_BOGUS:
        return route_none(false, "4.4.3", answer.why);
    }
    return by_records(l, domain, &answer, arena);
}

static void add_answer(const struct dns_answer *answer, struct lookup_addresses *found)
{
    if (answer->status == DNS_FAILED || answer->status == DNS_BOGUS) {
        found->failed = true;
        found->why = answer->why;
    }
    /* One that failed gave no address: what the other one proves stands, or whoever holds an answer back could do away
     * with DANE. */
    if (answer->status == DNS_FOUND) {
        found->secure = found->secure && answer->secure;
        found->canonical = answer->canonical;
    }
}

static void add_literal(const struct lookup *l, const struct route_host *host,
                        struct lookup_addresses *found)
{
    struct error ignored = {0};
    found->secure = false;
    if (address_parse(host->name, host->port, &found->addresses[0], &ignored)) {
        found->self = route_is_self(&l->self, &found->addresses[0]);
        found->n = !found->self;
    }
}

void lookup_addresses(const struct lookup *l, const struct route_host *host, struct arena *arena,
                      struct lookup_addresses *found)
{
    struct dns_answer v4 = {0};
    struct dns_answer v6 = {0};

    *found = (struct lookup_addresses){.secure = true};
    if (host->literal) {
        add_literal(l, host, found);
        return;
    }
    lookup_ask(l, host->name, DNS_A, arena, &v4);
    add_answer(&v4, found);
    if (l->ipv6) {
        lookup_ask(l, host->name, DNS_AAAA, arena, &v6);
        add_answer(&v6, found);
    }
    found->n = route_addresses(v4.records, v4.n_records, v6.records, v6.n_records, host->port,
                               &l->self, kernel_random, NULL, found->addresses);
    found->self = found->n == 0 && v4.n_records + v6.n_records > 0;
}
