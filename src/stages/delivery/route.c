#include "stages/delivery/route.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

struct route route_none(bool never, const char *code, struct slice why)
{
    return (struct route){
        .verdict = never ? ROUTE_NEVER : ROUTE_LATER,
        .code = code,
        .why = why,
    };
}

bool route_address_read(struct slice text, uint16_t port, struct sockaddr_storage *address)
{
    char name[INET6_ADDRSTRLEN];
    struct sockaddr_storage read = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&read;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&read;

    if (text.len == 0 || text.len >= sizeof(name) || memchr(text.ptr, 0, text.len)) {
        return false;
    }
    memcpy(name, text.ptr, text.len);
    name[text.len] = 0;
    if (inet_pton(AF_INET, name, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
    } else if (inet_pton(AF_INET6, name, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
    } else {
        return false;
    }
    *address = read;
    return true;
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

/* Take the text of "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321 section 4.1.3) apart; `rest` is
 * what follows the bracket. */
static bool literal_read(struct slice text, struct arena *arena, struct slice *address,
                         struct slice *rest)
{
    struct slice tail = SLICE_NONE;
    struct slice inner = slice_cut(slice_from(text, 1), ']', &tail);
    struct sockaddr_storage parsed = {0};
    bool tagged = slice_starts_nocase(inner, SLICE("IPv6:"));

    if (inner.len + 1 >= text.len) { /* no closing bracket */
        return false;
    }
    inner = tagged ? slice_from(inner, 5) : inner;
    if (!route_address_read(inner, 0, &parsed) || (tagged != (parsed.ss_family == AF_INET6))) {
        return false;
    }
    *address = lowered(inner, arena);
    *rest = tail;
    return true;
}

bool route_host_read(struct slice text, struct arena *arena, struct route_host *host,
                     struct error *e)
{
    struct route_host read = {.port = ROUTE_PORT};
    struct slice port = SLICE_NONE;
    uint64_t number = ROUTE_PORT;
    bool has_port = false;

    if (text.len > 0 && text.ptr[0] == '[') {
        read.literal = true;
        if (!literal_read(text, arena, &read.name, &port)) {
            return error_set(e, ERROR_CONFIG, "'%.*s' is no address in brackets", SLICE_ARG(text));
        }
        has_port = port.len > 0;
        if (has_port && port.ptr[0] != ':') {
            return error_set(e, ERROR_CONFIG, "'%.*s': ':PORT' must follow the ']'",
                             SLICE_ARG(text));
        }
        port = slice_from(port, 1);
    } else {
        has_port = slice_find(text, ':') < text.len;
        read.name = lowered(slice_cut(text, ':', &port), arena);
        if (!is_host_name(read.name)) {
            return error_set(e, ERROR_CONFIG, "'%.*s' is no host name", SLICE_ARG(text));
        }
    }
    if (has_port && (!slice_decimal(port, 65535, &number) || number == 0)) {
        return error_set(e, ERROR_CONFIG, "'%.*s': the port is no number from 1 to 65535",
                         SLICE_ARG(text));
    }
    read.port = (uint16_t)number;
    *host = read;
    return true;
}

static bool rule_matches(struct slice pattern, struct slice domain)
{
    if (slice_equal(pattern, SLICE("*"))) {
        return true;
    }
    if (pattern.len > 0 && pattern.ptr[0] == '.') {
        return domain.len > pattern.len &&
               slice_equal_nocase(slice_from(domain, domain.len - pattern.len), pattern);
    }
    return slice_equal_nocase(pattern, domain);
}

struct route route_by_rules(struct slice domain, const struct route_rule *rules, size_t n_rules,
                            struct arena *arena)
{
    for (size_t i = 0; i < n_rules; i++) {
        if (rule_matches(rules[i].domain, domain)) {
            return (struct route){
                .verdict = ROUTE_FOUND,
                .hosts = rules[i].hosts,
                .n_hosts = rules[i].n_hosts,
                .rule = &rules[i],
            };
        }
    }
    if (domain.len == 0 || domain.ptr[0] != '[') {
        return (struct route){.verdict = ROUTE_ASK_MX};
    }
    struct error ignored = {0};
    struct route_host *host = arena_alloc(arena, sizeof(*host));
    if (domain.ptr[domain.len - 1] != ']' || !route_host_read(domain, arena, host, &ignored)) {
        return route_none(
            true, "5.1.2",
            arena_printf(arena, "%.*s is not a valid address of a mail server", SLICE_ARG(domain)));
    }
    return (struct route){.verdict = ROUTE_FOUND, .hosts = host, .n_hosts = 1};
}

/* Fisher-Yates. A modulo of 32 bits leaves a bias that does not matter for 64 hosts. */
static void shuffle(void *items, size_t n, size_t size, route_random *random, void *context)
{
    uint8_t *bytes = items;
    uint8_t spare[sizeof(struct sockaddr_storage)];

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

struct route route_by_mx(struct slice domain, const struct route_mx *mx, size_t n_mx,
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
                .name = mx[i].host, .port = ROUTE_PORT, .preference = mx[i].preference};
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

/* The 16 octets that tell addresses apart: an IPv4 address counts as its mapped IPv6 form. */
static void address_octets(const struct sockaddr_storage *address, uint8_t octets[static 16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (address->ss_family == AF_INET6) {
        memcpy(octets, &((const struct sockaddr_in6 *)address)->sin6_addr, 16);
    } else {
        memcpy(octets, mapped, sizeof(mapped));
        memcpy(octets + 12, &((const struct sockaddr_in *)address)->sin_addr, 4);
    }
}

static uint16_t address_port(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)address)->sin6_port)
                                          : ntohs(((const struct sockaddr_in *)address)->sin_port);
}

bool route_is_self(const struct route_self *self, const struct sockaddr_storage *address)
{
    uint8_t theirs[16];
    uint8_t ours[16];

    address_octets(address, theirs);
    for (size_t i = 0; i < self->n_listeners; i++) {
        address_octets(&self->listeners[i], ours);
        if (address_port(&self->listeners[i]) == address_port(address) &&
            memcmp(ours, theirs, 16) == 0) {
            return true;
        }
    }
    return false;
}

/* Turn RDATA of one family into addresses, ours left out, in random order. */
static size_t read_family(const struct slice *rdata, size_t n_rdata, int family, uint16_t port,
                          const struct route_self *self, route_random *random, void *context,
                          struct sockaddr_storage *addresses)
{
    size_t n = 0;
    for (size_t i = 0; i < n_rdata && n < ROUTE_ADDRESSES_MAX; i++) {
        struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
        if (rdata[i].len != (family == AF_INET ? 4U : 16U)) {
            continue;
        }
        if (family == AF_INET) {
            struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
            v4->sin_port = htons(port);
            memcpy(&v4->sin_addr, rdata[i].ptr, 4);
        } else {
            struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
            v6->sin6_port = htons(port);
            memcpy(&v6->sin6_addr, rdata[i].ptr, 16);
        }
        if (!route_is_self(self, &address)) {
            addresses[n++] = address;
        }
    }
    shuffle(addresses, n, sizeof(*addresses), random, context);
    return n;
}

size_t route_addresses(const struct slice *v4, size_t n_v4, const struct slice *v6, size_t n_v6,
                       uint16_t port, const struct route_self *self, route_random *random,
                       void *context, struct sockaddr_storage addresses[static ROUTE_ADDRESSES_MAX])
{
    struct sockaddr_storage of_v4[ROUTE_ADDRESSES_MAX];
    struct sockaddr_storage of_v6[ROUTE_ADDRESSES_MAX];
    size_t have_v4 = read_family(v4, n_v4, AF_INET, port, self, random, context, of_v4);
    size_t have_v6 = read_family(v6, n_v6, AF_INET6, port, self, random, context, of_v6);
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
