/* tests/hostile - packets that ipc/packet would never send, for tests and fuzz targets. */
#pragma once

#include <string.h>
#include <sys/socket.h>

#include "base/slice.h"

#define HOSTILE_FDS_MAX 4

/* Send the bytes as one packet, with descriptors. False when the socket does not take it. */
static inline bool hostile_send(int socket, struct slice bytes, const int *fds, size_t n_fds)
{
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(HOSTILE_FDS_MAX * sizeof(int))] = {0};
    struct cmsghdr *c = (struct cmsghdr *)(void *)control;
    struct iovec part = {(void *)(uintptr_t)bytes.ptr, bytes.len};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

    if (n_fds) {
        m.msg_control = control;
        m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        (void)memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    return sendmsg(socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)bytes.len;
}
