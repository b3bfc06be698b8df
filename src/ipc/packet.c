#include "ipc/packet.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "host/memfd.h"

#define FLAG_BODY_FILE 1U /* the first descriptor is the body */
#define FLAG_PAYLOAD   2U /* the last descriptor is the payload */
#define FLAGS_KNOWN    (FLAG_BODY_FILE | FLAG_PAYLOAD)
#define FDS_MAX        2

struct header {
    uint16_t verb;
    uint8_t status;
    uint8_t flags;
    uint32_t body_len;
};

_Static_assert(sizeof(struct header) == IPC_HEADER, "a header has no padding");

/* What one recvmsg() brought, before it is judged. */
struct arrival {
    struct header header;
    size_t inline_len;
    struct slice body;
    int fds[FDS_MAX];
    size_t n_fds;
    bool truncated;
};

bool packet_pair(int ends[static 2], struct error *e)
{
    int made[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, made) != 0) {
        return error_errno(e, ERROR_BUSY, "ipc: socketpair");
    }
    ends[0] = made[0];
    ends[1] = made[1];
    return true;
}

void packet_set_timeout(int socket, int64_t within_ms)
{
    struct timeval t = {.tv_sec = (time_t)(within_ms / 1000),
                        .tv_usec = (suseconds_t)(within_ms % 1000) * 1000};

    (void)setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
    (void)setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

/* Put the descriptors into the message's control part. */
static void attach(struct msghdr *m, const int *fds, size_t n_fds)
{
    struct cmsghdr *c = m->msg_control;

    m->msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
    (void)memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
}

static bool transmit(int socket, const struct msghdr *m, struct error *e)
{
    ssize_t n = 0;

    do {
        n = sendmsg(socket, m, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0) {
        return true;
    }
    if (errno == EPIPE || errno == ECONNRESET) {
        return error_set(e, ERROR_BUSY, "the peer process is gone");
    }
    if (errno == EAGAIN) {
        return error_set(e, ERROR_BUSY, "the peer process does not read");
    }
    return error_errno(e, ERROR_BUSY, "ipc: sendmsg");
}

bool packet_send(int socket, const struct ipc_packet *p, struct error *e)
{
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(FDS_MAX * sizeof(int))] = {0};
    struct header header = {.verb = p->verb, .status = p->status};
    struct iovec parts[] = {
        {&header,                        sizeof(header)},
        {(void *)(uintptr_t)p->body.ptr, p->body.len   }
    };
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = control};
    OWN(fd) int body = -1;
    int fds[FDS_MAX];
    size_t n_fds = 0;

    if (p->body.len > IPC_BODY_MAX) {
        return error_set(e, ERROR_LIMIT, "ipc: a body of %zu bytes is too long", p->body.len);
    }
    header.body_len = (uint32_t)p->body.len;
    if (p->body.len > IPC_INLINE_MAX) {
        if (!memfd_from("ipc-body", p->body, &body, e)) {
            return false;
        }
        header.flags |= FLAG_BODY_FILE;
        fds[n_fds++] = body;
        m.msg_iovlen = 1;
    }
    if (p->fd >= 0) {
        header.flags |= FLAG_PAYLOAD;
        fds[n_fds++] = p->fd;
    }
    if (n_fds) {
        attach(&m, fds, n_fds);
    } else {
        m.msg_control = NULL;
    }
    return transmit(socket, &m, e);
}

static void close_all(struct arrival *a)
{
    for (size_t i = 0; i < a->n_fds; i++) {
        (void)close(a->fds[i]);
    }
    a->n_fds = 0;
}

/* Take every descriptor that came, wanted or not: what is not in our list is closed here. */
static void collect(struct msghdr *m, struct arrival *a)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd = -1;
            (void)memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (a->n_fds < FDS_MAX) {
                a->fds[a->n_fds++] = fd;
            } else {
                (void)close(fd);
                a->truncated = true;
            }
        }
    }
}

/* The result of a receiving call that did not bring a packet. */
static enum packet_result nothing(ssize_t n, struct error *e)
{
    if (n == 0 || errno == ECONNRESET || errno == EPIPE) {
        return PACKET_CLOSED;
    }
    if (errno == EAGAIN) {
        return PACKET_LATE;
    }
    (void)error_errno(e, ERROR_BUSY, "ipc: recvmsg");
    return PACKET_BROKEN;
}

/* Length of the next packet, waiting for it; the packet stays. */
static ssize_t next_length(int socket)
{
    uint8_t first[IPC_HEADER];
    ssize_t n = 0;

    do {
        n = recv(socket, first, sizeof(first), MSG_PEEK | MSG_TRUNC);
    } while (n < 0 && errno == EINTR);
    return n;
}

static enum packet_result take(int socket, int flags, struct arena *arena, size_t length,
                               struct arrival *a, struct error *e)
{
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(FDS_MAX * sizeof(int))];
    size_t room = length > IPC_HEADER ? length - IPC_HEADER : 0;
    bool fits = length <= IPC_PACKET_MAX && room <= arena_left(arena);
    uint8_t *body = fits && room ? arena_alloc(arena, room) : NULL;
    struct iovec parts[] = {
        {&a->header, sizeof(a->header)},
        {body,       room             }
    };
    struct msghdr m = {.msg_iov = parts,
                       .msg_iovlen = body ? 2 : 1,
                       .msg_control = control,
                       .msg_controllen = sizeof(control)};
    ssize_t n = 0;

    do {
        n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC | flags);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        return nothing(n, e);
    }
    collect(&m, a);
    a->truncated |= (m.msg_flags & MSG_CTRUNC) != 0 || n < IPC_HEADER;
    a->inline_len = room;
    a->body = slice_of(body, room);
    if (fits) {
        return PACKET_RECEIVED;
    }
    (void)error_set(e, ERROR_LIMIT, "ipc: no room for a packet of %zu bytes", length);
    return PACKET_BROKEN;
}

/* Copy a body that came as a memory file; sealed, or the peer could still change its length. */
static bool read_body(struct arrival *a, struct arena *arena, struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {0};

    if (a->header.body_len <= IPC_INLINE_MAX || a->header.body_len > IPC_BODY_MAX ||
        a->inline_len != 0) {
        return error_set(e, ERROR_DENIED, "ipc: a body of %u bytes as a file", a->header.body_len);
    }
    if (!memfd_map(a->fds[0], IPC_BODY_MAX, &map, e)) {
        return false;
    }
    if (map.bytes.len != a->header.body_len) {
        return error_set(e, ERROR_DENIED, "ipc: a body is not as long as its header says");
    }
    if (map.bytes.len >= arena_left(arena)) {
        return error_set(e, ERROR_LIMIT, "ipc: no room for a body of %zu bytes", map.bytes.len);
    }
    a->body = arena_copy(arena, map.bytes);
    return true;
}

/* Hold what came against the rules, and turn it into a packet. */
static bool judge(struct arrival *a, struct arena *arena, struct ipc_packet *p, struct error *e)
{
    bool file = a->header.flags & FLAG_BODY_FILE;
    bool payload = a->header.flags & FLAG_PAYLOAD;

    if (a->truncated || (a->header.flags & ~FLAGS_KNOWN) || a->header.status > ERROR_DENIED ||
        a->n_fds != (size_t)file + (size_t)payload) {
        return error_set(e, ERROR_DENIED, "ipc: a malformed packet");
    }
    if (file) {
        if (!read_body(a, arena, e)) {
            return false;
        }
    } else if (a->header.body_len != a->inline_len) {
        return error_set(e, ERROR_DENIED, "ipc: a packet is not as long as its header says");
    }
    *p = (struct ipc_packet){a->header.verb, a->header.status, a->body, -1};
    if (payload) {
        p->fd = TAKE(a->fds[a->n_fds - 1], -1);
        a->n_fds--;
    }
    return true;
}

bool packet_peer_is_gone(int socket)
{
    uint8_t first = 0;
    ssize_t n = recv(socket, &first, sizeof(first), MSG_PEEK | MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

enum packet_result packet_discard(int socket)
{
    struct arena nowhere = {0};
    struct arrival a = {0};
    struct error unused;
    uint8_t first = 0;

    ssize_t n = recv(socket, &first, sizeof(first), MSG_PEEK | MSG_DONTWAIT);
    if (n <= 0) {
        return nothing(n, &unused);
    }
    enum packet_result result = take(socket, MSG_DONTWAIT, &nowhere, IPC_HEADER, &a, &unused);
    close_all(&a);
    return result;
}

static enum packet_result receive(int socket, int flags, struct arena *arena, struct ipc_packet *p,
                                  struct error *e)
{
    struct arrival a = {0};
    ssize_t length = next_length(socket);

    if (length <= 0) {
        return nothing(length, e);
    }
    enum packet_result result = take(socket, flags, arena, (size_t)length, &a, e);
    if (result == PACKET_RECEIVED && !judge(&a, arena, p, e)) {
        result = PACKET_BROKEN;
    }
    close_all(&a);
    return result;
}

enum packet_result packet_receive(int socket, struct arena *arena, struct ipc_packet *p,
                                  struct error *e)
{
    return receive(socket, 0, arena, p, e);
}

enum packet_result packet_peek(int socket, struct arena *arena, struct ipc_packet *p,
                               struct error *e)
{
    enum packet_result result = receive(socket, MSG_PEEK, arena, p, e);

    if (result == PACKET_RECEIVED && p->fd >= 0) {
        (void)close(p->fd);
        p->fd = -1;
    }
    return result;
}
