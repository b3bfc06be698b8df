#include "stages/delivery/route.h"

#include <string.h>

struct route route_none(bool never, const char *code, struct slice why)
{
    return (struct route){
        .verdict = never ? ROUTE_NEVER : ROUTE_LATER,
        .code = code,
        .why = why,
    };
}

static struct slice lowered(struct slice text, struct arena *arena)
{
    char *copy = arena_text(arena, text);
    for (size_t i = 0; i < text.len; i++) {
        copy[i] = (char)ascii_lower(text.ptr[i]);
    }
    return slice_of(copy, text.len);
}

static bool is_host_name(struct slice name)
{
    if (name.len == 0 || name.len > 253 || name.ptr[0] == '.' || name.ptr[0] == '-') {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = ascii_lower(name.ptr[i]);
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && c != '-' && c != '_' && (c != '.' || name.ptr[i - 1] == '.')) {
            return false;
        }
    }
    return true;
}

static struct route malformed(struct slice text, struct arena *arena)
{
    return route_none(true, "5.1.2",
                      arena_printf(arena, "%.*s is not a valid name or address of a mail server",
                                   SLICE_ARG(text)));
}

static struct route one_host(struct route_host host, struct arena *arena)
{
    struct route_host *hosts = arena_alloc(arena, sizeof(*hosts));
    *hosts = host;
    return (struct route){.verdict = ROUTE_FOUND, .hosts = hosts, .n_hosts = 1};
}

static struct route_host literal_host(const struct address *address, struct arena *arena)
{
    char text[ADDRESS_TEXT_MAX];
    address_print_host(address, text);
    return (struct route_host){
        .name = arena_copy(arena, slice_text(text)),
        .literal = true,
        .port = address_port(address),
    };
}

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]" */
static struct route by_literal(struct slice domain, uint16_t port, struct arena *arena)
{
    struct error ignored = {0};
    struct address address = {0};
    bool closed = domain.len > 2 && domain.ptr[domain.len - 1] == ']';
    struct slice inner = closed ? slice_head(slice_from(domain, 1), domain.len - 2) : SLICE_NONE;
    bool tagged = slice_starts_nocase(inner, SLICE("IPv6:"));

    inner = tagged ? slice_from(inner, 5) : inner;
    bool colons = slice_find(inner, ':') < inner.len;
    if (tagged != colons || slice_find(inner, '[') < inner.len ||
        !address_parse(inner, port, &address, &ignored)) {
        return malformed(domain, arena);
    }
    return one_host(literal_host(&address, arena), arena);
}

static struct route by_setting(struct slice fixed, struct arena *arena)
{
    struct error ignored = {0};
    struct address address = {0};
    struct slice port = SLICE_NONE;
    uint64_t number = 0;

    if (address_parse(fixed, 0, &address, &ignored)) {
        return one_host(literal_host(&address, arena), arena);
    }
    struct slice name = lowered(slice_cut(fixed, ':', &port), arena);
    if (!is_host_name(name) || !slice_decimal(port, 65535, &number) || number == 0) {
        return malformed(fixed, arena);
    }
    return one_host((struct route_host){.name = name, .port = (uint16_t)number}, arena);
}

struct route route_fixed(struct slice domain, struct slice fixed, uint16_t port,
                         struct arena *arena)
{
    if (fixed.len > 0) {
        return by_setting(fixed, arena);
    }
    if (domain.len > 0 && domain.ptr[0] == '[') {
        return by_literal(domain, port, arena);
    }
    return is_host_name(domain) ? (struct route){.verdict = ROUTE_ASK_MX}
                                : malformed(domain, arena);
}

/* Fisher-Yates. A modulo of 32 bits leaves a bias that does not matter for 64 hosts. */
static void shuffle(void *items, size_t n, size_t size, route_random *random, void *context)
{
    uint8_t *bytes = items;
    uint8_t spare[sizeof(struct address)];

    for (size_t i = n; i > 1; i--) {
        size_t j = random(context) % i;
        memcpy(spare, bytes + (i - 1) * size, size);
        memmove(bytes + (i - 1) * size, bytes + j * size, size);
        memcpy(bytes + j * size, spare, size);
    }
}

/* A stable insertion sort: the shuffled order survives among equals. */
static void sort_by_preference(struct route_host *hosts, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct route_host host = hosts[i];
        size_t at = i;
        for (; at > 0 && hosts[at - 1].preference > host.preference; at--) {
            hosts[at] = hosts[at - 1];
        }
        hosts[at] = host;
    }
}

/* Our preference among the hosts, or one above all when we are none of them. */
static uint32_t own_preference(const struct route_mx *mx, size_t n_mx, struct slice self)
{
    uint32_t lowest = UINT16_MAX + 1U;
    for (size_t i = 0; i < n_mx; i++) {
        if (self.len > 0 && slice_equal_nocase(mx[i].host, self) && mx[i].preference < lowest) {
            lowest = mx[i].preference;
        }
    }
    return lowest;
}

struct route route_by_mx(struct slice domain, const struct route_mx *mx, size_t n_mx, uint16_t port,
                         const struct route_self *self, route_random *random, void *context,
                         struct arena *arena)
{
    const struct route_mx implicit = {.preference = 0, .host = domain};
    if (n_mx == 0) {
        mx = &implicit;
        n_mx = 1;
    }
    if (n_mx == 1 && mx[0].host.len == 0) {
        return route_none(
            true, "5.1.10",
            arena_printf(arena, "%.*s declares that it receives no mail", SLICE_ARG(domain)));
    }
    uint32_t own = own_preference(mx, n_mx, self->name);
    struct route_host *hosts = arena_array(arena, n_mx, sizeof(*hosts));
    size_t n = 0;
    for (size_t i = 0; i < n_mx; i++) {
        if (mx[i].host.len > 0 && mx[i].preference < own) {
            hosts[n++] = (struct route_host){
                .name = mx[i].host, .port = port, .preference = mx[i].preference};
        }
    }
    if (n == 0 && own <= UINT16_MAX) {
        return route_none(true, "5.4.6",
                          arena_printf(arena, "the mail servers of %.*s lead back to this one",
                                       SLICE_ARG(domain)));
    }
    if (n == 0) {
        return route_none(
            true, "5.4.4",
            arena_printf(arena, "%.*s names no usable mail server", SLICE_ARG(domain)));
    }
    shuffle(hosts, n, sizeof(*hosts), random, context);
    sort_by_preference(hosts, n);
    return (struct route){
        .verdict = ROUTE_FOUND,
        .hosts = hosts,
        .n_hosts = n < ROUTE_HOSTS_MAX ? n : ROUTE_HOSTS_MAX,
    };
}

bool route_is_self(const struct route_self *self, const struct address *address)
{
    for (size_t i = 0; i < self->n_listeners; i++) {
        if (address_port(&self->listeners[i]) == address_port(address) &&
            slice_equal(address_bytes(&self->listeners[i]), address_bytes(address))) {
            return true;
        }
    }
    return false;
}

/* Turn RDATA of one family into addresses, ours left out, in random order. */
static size_t read_family(const struct slice *rdata, size_t n_rdata, size_t octets, uint16_t port,
                          const struct route_self *self, route_random *random, void *context,
                          struct address *addresses)
{
    size_t n = 0;
    for (size_t i = 0; i < n_rdata && n < ROUTE_ADDRESSES_MAX; i++) {
        if (rdata[i].len != octets) {
            continue;
        }
        struct address address = address_from_bytes(rdata[i], port);
        if (address.len > 0 && !route_is_self(self, &address)) {
            addresses[n++] = address;
        }
    }
    shuffle(addresses, n, sizeof(*addresses), random, context);
    return n;
}

size_t route_addresses(const struct slice *v4, size_t n_v4, const struct slice *v6, size_t n_v6,
                       uint16_t port, const struct route_self *self, route_random *random,
                       void *context, struct address addresses[static ROUTE_ADDRESSES_MAX])
{
    struct address of_v4[ROUTE_ADDRESSES_MAX];
    struct address of_v6[ROUTE_ADDRESSES_MAX];
    size_t have_v4 = read_family(v4, n_v4, 4, port, self, random, context, of_v4);
    size_t have_v6 = read_family(v6, n_v6, 16, port, self, random, context, of_v6);
    size_t n = 0;

    for (size_t i = 0; i < ROUTE_ADDRESSES_MAX; i++) {
        if (i < have_v6 && n < ROUTE_ADDRESSES_MAX) {
            addresses[n++] = of_v6[i];
        }
        if (i < have_v4 && n < ROUTE_ADDRESSES_MAX) {
            addresses[n++] = of_v4[i];
        }
    }
    return n;
}
