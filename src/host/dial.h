/* host/dial - TCP sockets to an address and at an address.
 *
 * What comes back is a descriptor that the caller owns and usually hands to host/conn. */
#pragma once

#include <stdint.h>

#include "base/error.h"

#include "host/address.h"

/**
 * Connect to a TCP address.
 *
 * @param from         local address to leave by; NULL: the kernel chooses
 * @param deadline_ms  of clock_steady_ms(): when to give up
 * @param fd           set to a connected, close-on-exec socket
 * @return             false with ERROR_BUSY: refused, unreachable, too late
 */
bool dial_tcp(const struct address *to, const struct address *from, int64_t deadline_ms, int *fd,
              struct error *e) MUST_CHECK;

/**
 * Listen at a TCP address, with SO_REUSEADDR and, for IPv6, for IPv6 alone.
 *
 * @return  false with ERROR_CONFIG: taken, not ours, not allowed
 */
bool dial_listen(const struct address *at, int backlog, int *fd, struct error *e) MUST_CHECK;
