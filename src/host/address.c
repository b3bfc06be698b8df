#include "host/address.h"

#include <arpa/inet.h>
#include <stdio.h>

static bool host_parse(struct slice host, struct address *out)
{
    char text[INET6_ADDRSTRLEN];
    if (host.len == 0 || host.len >= sizeof(text) || memchr(host.ptr, 0, host.len)) {
        return false;
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = 0;

    uint8_t bytes[16];
    if (inet_pton(AF_INET, text, bytes) == 1) {
        *out = address_from_bytes(slice_of(bytes, 4), 0);
        return true;
    }
    if (inet_pton(AF_INET6, text, bytes) == 1) {
        *out = address_from_bytes(slice_of(bytes, 16), 0);
        return true;
    }
    return false;
}

/* Split "[host]:port", "host:port" or a bare host; port is empty when there is none. */
static bool split(struct slice text, struct slice *host, struct slice *port)
{
    struct slice rest = SLICE_NONE;
    if (slice_starts(text, SLICE("["))) {
        size_t end = slice_find(text, ']');
        if (end == text.len) {
            return false;
        }
        *host = slice_of(text.ptr + 1, end - 1);
        rest = slice_from(text, end + 1);
        *port = slice_from(rest, 1);
        return rest.len == 0 || (rest.ptr[0] == ':' && port->len > 0);
    }
    *host = slice_cut(text, ':', &rest);
    *port = rest;
    if (slice_find(rest, ':') < rest.len) { /* two colons: IPv6 without brackets or port */
        *host = text;
        *port = SLICE_NONE;
        return true;
    }
    return host->len == text.len || port->len > 0;
}

bool address_parse(struct slice text, uint16_t default_port, struct address *out, struct error *e)
{
    struct slice host;
    struct slice port;
    struct address a;
    uint64_t number = default_port;
    if (!split(text, &host, &port) || !host_parse(host, &a) ||
        (port.len && !slice_decimal(port, UINT16_MAX, &number))) {
        return error_set(e, ERROR_CONFIG,
                         "\"%.*s\" is not an IP address, such as 127.0.0.1:587 or [::1]:587",
                         SLICE_ARG(text));
    }
    if (!port.len && default_port == 0) {
        return error_set(e, ERROR_CONFIG, "\"%.*s\" lacks a port, such as %.*s:587",
                         SLICE_ARG(text), SLICE_ARG(text));
    }
    address_set_port(&a, (uint16_t)number);
    *out = a;
    return true;
}

struct address address_from_bytes(struct slice bytes, uint16_t port)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct address a = {0};
    if (bytes.len == 16 && memcmp(bytes.ptr, mapped, sizeof(mapped)) == 0) {
        bytes = slice_from(bytes, sizeof(mapped));
    }
    if (bytes.len == 4) {
        a.socket.v4.sin_family = AF_INET;
        memcpy(&a.socket.v4.sin_addr, bytes.ptr, 4);
        a.len = sizeof(a.socket.v4);
    } else if (bytes.len == 16) {
        a.socket.v6.sin6_family = AF_INET6;
        memcpy(&a.socket.v6.sin6_addr, bytes.ptr, 16);
        a.len = sizeof(a.socket.v6);
    }
    address_set_port(&a, port);
    return a;
}

struct address address_from_socket(const struct sockaddr_storage *storage, socklen_t len)
{
    struct address a = {0};
    if (storage->ss_family == AF_INET && len >= sizeof(a.socket.v4)) {
        memcpy(&a.socket.v4, storage, sizeof(a.socket.v4));
        return address_from_bytes(slice_of(&a.socket.v4.sin_addr, 4), ntohs(a.socket.v4.sin_port));
    }
    if (storage->ss_family == AF_INET6 && len >= sizeof(a.socket.v6)) {
        memcpy(&a.socket.v6, storage, sizeof(a.socket.v6));
        struct address plain =
            address_from_bytes(slice_of(&a.socket.v6.sin6_addr, 16), ntohs(a.socket.v6.sin6_port));
        if (plain.socket.any.sa_family == AF_INET6) { /* a link-local address needs its scope */
            plain.socket.v6.sin6_scope_id = a.socket.v6.sin6_scope_id;
        }
        return plain;
    }
    return a;
}

uint16_t address_port(const struct address *a)
{
    if (a->len == 0) {
        return 0;
    }
    return ntohs(a->socket.any.sa_family == AF_INET ? a->socket.v4.sin_port
                                                    : a->socket.v6.sin6_port);
}

void address_set_port(struct address *a, uint16_t port)
{
    if (a->socket.any.sa_family == AF_INET) {
        a->socket.v4.sin_port = htons(port);
    } else if (a->socket.any.sa_family == AF_INET6) {
        a->socket.v6.sin6_port = htons(port);
    }
}

struct slice address_bytes(const struct address *a)
{
    if (a->len == 0) {
        return SLICE_NONE;
    }
    return a->socket.any.sa_family == AF_INET ? slice_of(&a->socket.v4.sin_addr, 4)
                                              : slice_of(&a->socket.v6.sin6_addr, 16);
}

bool address_is_loopback(const struct address *a)
{
    struct slice bytes = address_bytes(a);
    if (bytes.len == 4) {
        return bytes.ptr[0] == 127;
    }
    return bytes.len == 16 && IN6_IS_ADDR_LOOPBACK(&a->socket.v6.sin6_addr);
}

static bool v4_is_public(const uint8_t b[static 4])
{
    static const struct {
        uint32_t net, mask;
    } special[] = {
        {0x00000000, 0xff000000}, /* this network */
        {0x0a000000, 0xff000000}, /* private: RFC 1918 */
        {0x64400000, 0xffc00000}, /* shared: RFC 6598 */
        {0x7f000000, 0xff000000}, /* loopback */
        {0xa9fe0000, 0xffff0000}, /* link-local */
        {0xac100000, 0xfff00000}, /* private */
        {0xc0000000, 0xffffff00}, /* of protocols */
        {0xc0a80000, 0xffff0000}, /* private */
        {0xc6120000, 0xfffe0000}, /* benchmarks */
        {0xe0000000, 0xe0000000}, /* multicast and reserved */
    };

    uint32_t net = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];

    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        if ((net & special[i].mask) == special[i].net) {
            return false;
        }
    }
    return true;
}

bool address_is_public(const struct address *a)
{
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    struct slice bytes = address_bytes(a);

    if (bytes.len == 4) {
        return v4_is_public(bytes.ptr);
    }
    if (bytes.len != 16) {
        return false;
    }
    if (memcmp(bytes.ptr, nat64, sizeof(nat64)) == 0) {
        return v4_is_public(bytes.ptr + 12);
    }
    if (bytes.ptr[0] == 0x20 && bytes.ptr[1] == 0x02) { /* 6to4 */
        return v4_is_public(bytes.ptr + 2);
    }
    return (bytes.ptr[0] & 0xe0) == 0x20; /* 2000::/3 is what is given out */
}

void address_print_host(const struct address *a, char text[static ADDRESS_TEXT_MAX])
{
    struct slice bytes = address_bytes(a);
    text[0] = 0;
    if (bytes.len) {
        (void)inet_ntop(a->socket.any.sa_family, bytes.ptr, text, ADDRESS_TEXT_MAX);
    }
}

void address_print(const struct address *a, char text[static ADDRESS_TEXT_MAX])
{
    char host[ADDRESS_TEXT_MAX];
    address_print_host(a, host);
    bool v6 = a->socket.any.sa_family == AF_INET6;
    (void)snprintf(text, ADDRESS_TEXT_MAX, v6 ? "[%.45s]:%u" : "%.45s:%u", host,
                   (unsigned)address_port(a));
}
