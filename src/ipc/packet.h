/* ipc/packet - one packet of a SOCK_SEQPACKET pair: a fixed header, a body, up to two descriptors.
 *
 * The lowest layer of requests between processes. What arrives here was written by a process that
 * may have been taken over: lengths, flags and descriptors are checked before anything else sees
 * them. A body that does not fit into one packet travels as a sealed memory file and looks the
 * same to the caller.
 *
 *     0      2        3       4              8
 *     | verb | status | flags | body length  | body (CBOR), unless it travels as a memory file
 *
 * All numbers little-endian: both ends are one binary. Blocking; a socket belongs to one thread at
 * a time. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"

#define IPC_PACKET_MAX ((size_t)64 << 10)            /* bytes of one packet */
#define IPC_HEADER     8                             /* bytes of its header */
#define IPC_INLINE_MAX (IPC_PACKET_MAX - IPC_HEADER) /* a longer body is a memory file */
#define IPC_BODY_MAX   ((size_t)4 << 20)             /* bytes of any body */

struct ipc_packet {
    uint16_t verb;
    uint8_t status;    /* enum error_kind; anything but ERROR_NONE: the body is a sentence */
    struct slice body; /* received: lives in the arena given to packet_receive() */
    int fd;            /* the payload, or -1; received: the caller's to close */
};

enum packet_result {
    PACKET_RECEIVED,
    PACKET_CLOSED, /* the peer is gone; nothing of a packet was lost */
    PACKET_LATE,   /* nothing came within the time of packet_set_timeout() */
    PACKET_BROKEN, /* the peer broke the rules, or the system did: *e says which */
};

/* Make a connected pair, both ends close-on-exec. ERROR_BUSY when descriptors are short. */
bool packet_pair(int ends[static 2], struct error *e) MUST_CHECK;

/* Bound every later wait in packet_receive() and packet_send(); 0 waits for ever. */
void packet_set_timeout(int socket, int64_t within_ms);

/**
 * Send one packet. p->fd stays the caller's.
 *
 * @return  false with ERROR_LIMIT: the body is longer than IPC_BODY_MAX; ERROR_BUSY: the peer is
 *          gone, does not read, or descriptors are short
 */
bool packet_send(int socket, const struct ipc_packet *p, struct error *e) MUST_CHECK;

/**
 * Wait for one packet.
 *
 * @param arena  holds the body; its limit is respected: a body that does not fit is refused
 * @param p      filled when PACKET_RECEIVED comes back, otherwise untouched
 * @param e      filled when PACKET_BROKEN comes back: ERROR_DENIED for a malformed header, a wrong
 *               number of descriptors or a body whose memory file is not sealed; ERROR_LIMIT for a
 *               body that is too long; ERROR_BUSY when the system failed. Whatever descriptors
 *               came with a refused packet are closed
 */
enum packet_result packet_receive(int socket, struct arena *arena, struct ipc_packet *p,
                                  struct error *e) MUST_CHECK;

/* As packet_receive(), but the packet stays in the socket and its payload is not taken. */
enum packet_result packet_peek(int socket, struct arena *arena, struct ipc_packet *p,
                               struct error *e) MUST_CHECK;

/* Throw away the packet that has come, without waiting: PACKET_LATE when none has. */
enum packet_result packet_discard(int socket) MUST_CHECK;

/* Whether the other end is closed and nothing is left to read. */
bool packet_peer_is_gone(int socket) MUST_CHECK;
