/* host/address - an IP address with a port, as people write it and as the kernel takes it.
 *
 * Plain values, no I/O, no names: resolving is the delivery stage's business. IPv4 addresses
 * mapped into IPv6 (RFC 4291 section 2.5.5.2) become plain IPv4, so that one peer has one text. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/slice.h"

#define ADDRESS_TEXT_MAX 56 /* "[" IPv6 "]:65535" and the NUL */

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } socket;

    socklen_t len; /* bytes of `socket` in use; 0: no address */
};

/**
 * Read "127.0.0.1:10465", "[::1]:25", or without a port "127.0.0.1", "::1", "[::1]".
 *
 * @param default_port  taken when the text names none; 0: the text must name one
 * @return              false with ERROR_CONFIG, the sentence quoting the text
 */
bool address_parse(struct slice text, uint16_t default_port, struct address *out,
                   struct error *e) MUST_CHECK;

/* Make an address of 4 or 16 network-order bytes, as DNS gives them. */
struct address address_from_bytes(struct slice bytes, uint16_t port);

/* Make an address of what accept(2), getpeername(2) or getsockname(2) filled in. Anything but
 * IPv4 and IPv6 gives an address with len 0. */
struct address address_from_socket(const struct sockaddr_storage *storage, socklen_t len);

/* The port in host byte order; 0 for an address with len 0. */
uint16_t address_port(const struct address *a);

/* Replace the port, given in host byte order. */
void address_set_port(struct address *a, uint16_t port);

/* The address alone: 4 or 16 bytes in network order, looking into *a. */
struct slice address_bytes(const struct address *a);

/* Whether the address (the port aside) is one this machine talks to itself by. */
bool address_is_loopback(const struct address *a);

/* Whether the address (the port aside) is one of the public networks: not of this machine, a link, a private network, multicast or reserved
 * (RFC 6890), also when it stands in an address that is translated to IPv4. */
bool address_is_public(const struct address *a);

/* Write "192.0.2.1:25" or "[2001:db8::1]:25". */
void address_print(const struct address *a, char text[static ADDRESS_TEXT_MAX]);

/* Write the address without the port: "192.0.2.1" or "2001:db8::1". */
void address_print_host(const struct address *a, char text[static ADDRESS_TEXT_MAX]);
