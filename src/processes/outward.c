#include "processes/outward.h"

#define RESOLVERS_MAX 16
#define PINS_BYTES_MAX                                                                             \
    ((size_t)64 << 20) /* of all [domain] sections: as much as their files may have */

bool outward_resolver(struct role *r, struct resolver **out, struct error *e)
{
    const struct dns_settings *dns = &role_settings(r)->dns;
    const struct config_endpoint *endpoints = dns->resolvers.items;
    struct slice forwarders[RESOLVERS_MAX];
    OWN(arena) struct arena arena;
    struct resolver_settings settings = {
        .forwarders = forwarders,
        .root_hints = role_file(r, "root-hints"),
        .trust_anchors = role_file(r, "trust-anchor"),
        .insecure = dns->insecure_domains.items,
        .n_insecure = dns->insecure_domains.count,
    };

    arena_init(&arena, (size_t)64 << 10);
    for (size_t i = 0; i < dns->resolvers.count && i < RESOLVERS_MAX; i++) {
        forwarders[settings.n_forwarders++] =
            arena_printf(&arena, "%.*s@%u", SLICE_ARG(endpoints[i].host), endpoints[i].port);
    }
    *out = resolver_new(&settings, e);
    return *out != NULL;
}

/* One kind of a server's addresses. */
struct finding {
    struct resolver *resolver;
    const struct config_endpoint *host;
    int64_t deadline_ms;
    struct arena *arena;
    struct address *addresses;
    size_t room;
    size_t count;
    struct slice why;
};

static bool add_records(struct finding *f, enum dns_type type)
{
    struct dns_answer answer;

    resolver_ask(f->resolver, f->host->host, type, f->deadline_ms, f->arena, &answer);
    for (size_t i = 0; i < answer.n_records && f->count < f->room; i++) {
        if (answer.records[i].len == (type == DNS_A ? 4 : 16)) {
            f->addresses[f->count++] = address_from_bytes(answer.records[i], f->host->port);
        }
    }
    f->why = answer.why;
    return answer.status != DNS_FAILED && answer.status != DNS_BOGUS;
}

bool outward_find(struct resolver *resolver, const struct config_endpoint *host, bool ipv6,
                  int64_t deadline_ms, struct arena *arena, struct address *addresses, size_t room,
                  size_t *count, struct error *e)
{
    struct finding f = {.resolver = resolver,
                        .host = host,
                        .deadline_ms = deadline_ms,
                        .arena = arena,
                        .addresses = addresses,
                        .room = room};

    if (host->is_address) {
        *count = 1;
        return address_parse(host->host, host->port, &addresses[0], e);
    }
    bool known = add_records(&f, DNS_A);
    if (ipv6) {
        known = add_records(&f, DNS_AAAA) && known;
    }
    *count = f.count;
    return f.count || error_set(e, ERROR_BUSY, "%.*s: %.*s", SLICE_ARG(host->host),
                                SLICE_ARG(known ? SLICE("it has no address") : f.why));
}

bool outward_share(struct role *r, struct outward_shared *shared, struct error *e)
{
    /* A resting session keeps its place, so there are more places than deliveries. */
    shared->gate = gate_new((size_t)role_settings(r)->delivery.concurrency * 4);
    shared->kept = kept_new();
    return outward_resolver(r, &shared->resolver, e);
}

struct slice outward_first_line(struct slice text)
{
    struct slice rest = SLICE_NONE;
    struct slice line = slice_cut(text, '\n', &rest);

    return line.len && line.ptr[line.len - 1] == '\r' ? slice_head(line, line.len - 1) : line;
}

/* Where clients of ours connect, as far as the settings name addresses. */
static size_t read_listeners(const struct config_list *endpoints, struct address *out, size_t room)
{
    const struct config_endpoint *all = endpoints->items;
    struct error ignored = {0};
    size_t n = 0;

    for (size_t i = 0; i < endpoints->count && n < room; i++) {
        n += all[i].is_address && address_parse(all[i].host, all[i].port, &out[n], &ignored);
    }
    return n;
}

static void set_self(struct outward *o, const struct settings *s)
{
    size_t n =
        read_listeners(&s->submission.listen_submissions, o->listeners, OUTWARD_LISTENERS_MAX);

    n += read_listeners(&s->submission.listen_submission, &o->listeners[n],
                        OUTWARD_LISTENERS_MAX - n);
    o->reach.lookup.self = (struct route_self){s->general.hostname, o->listeners, n};
}

struct outward *outward_new(struct role *r, const struct outward_shared *shared, struct error *e)
{
    const struct settings *s = role_settings(r);
    struct tls_client *trust = tls_client_from_pem(role_file(r, "trust-store"), e);
    struct outward *o = trust ? calloc(1, sizeof(*o)) : NULL;

    if (!trust) {
        (void)error_add(e, "trust-store");
        return NULL;
    }
    if (!o) {
        arena_panic("delivery settings");
    }
    o->refs = 1;
    o->reach = (struct reach){
        .lookup = {.resolver = shared->resolver,
                   .port = (uint16_t)s->delivery.port,
                   .ipv6 = s->delivery.ipv6,
                   .timeout_ms = s->dns.timeout_ms                     },
        .session = { .name = s->general.hostname,
                   .trust = trust,
                   .connect_timeout_ms = s->delivery.connect_timeout_ms,
                   .command_timeout_ms = s->delivery.command_timeout_ms,
                   .data_timeout_ms = s->delivery.data_timeout_ms,
                   .attempt_timeout_ms = s->delivery.attempt_timeout_ms},
        .gate = shared->gate,
        .per_address = s->delivery.per_host_concurrency,
        .wait_ms = REACH_WAIT_MS,
        .kept = shared->kept,
    };
    set_self(o, s);
    arena_init(&o->arena, PINS_BYTES_MAX);
    pins_read(r, s, &o->arena, &o->pins);
    o->letters_per_connection = s->delivery.letters_per_connection;
    o->idle_ms = s->delivery.idle_timeout_ms;
    o->user = s->smarthost.user;
    o->password = outward_first_line(role_file(r, "smarthost-password"));
    o->smarthost_implicit = s->smarthost.tls == SETTING_SMARTHOST_IMPLICIT;
    return o;
}

struct outward *outward_ref(struct outward *o)
{
    (void)atomic_fetch_add(&o->refs, 1);
    return o;
}

void outward_drop(struct outward *o)
{
    if (o && atomic_fetch_sub(&o->refs, 1) == 1) {
        tls_client_free(TAKE(o->reach.session.trust, NULL));
        arena_done(&o->arena);
    }
}
