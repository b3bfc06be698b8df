#include "host/dial.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/own.h"

static bool wait_connected(int fd, int64_t deadline_ms, const char *name, struct error *e)
{
    for (;;) {
        int64_t left = deadline_ms - clock_steady_ms();
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        int n = left <= 0 ? 0 : poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (n > 0) {
            break;
        }
        if (n == 0 && deadline_ms <= clock_steady_ms()) {
            return error_set(e, ERROR_BUSY, "connect to %s: no answer in time", name);
        }
        if (n < 0 && errno != EINTR) {
            return error_errno(e, ERROR_BUSY, "connect to %s: poll", name);
        }
    }
    int failure = 0;
    socklen_t len = sizeof(failure);
    (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len);
    if (failure != 0) {
        errno = failure;
        return error_errno(e, ERROR_BUSY, "connect to %s", name);
    }
    return true;
}

bool dial_tcp(const struct address *to, const struct address *from, int64_t deadline_ms, int *fd,
              struct error *e)
{
    char name[ADDRESS_TEXT_MAX];
    address_print(to, name);
    OWN(fd)
    int made = socket(to->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) {
        return error_errno(e, ERROR_BUSY, "connect to %s: socket", name);
    }
    if (from && bind(made, &from->socket.any, from->len) != 0) {
        return error_errno(e, ERROR_BUSY, "connect to %s: bind", name);
    }
    if (connect(made, &to->socket.any, to->len) != 0) {
        if (errno != EINPROGRESS) {
            return error_errno(e, ERROR_BUSY, "connect to %s", name);
        }
        if (!wait_connected(made, deadline_ms, name, e)) {
            return false;
        }
    }
    *fd = TAKE(made, -1);
    return true;
}

bool dial_listen(const struct address *at, int backlog, int *fd, struct error *e)
{
    char name[ADDRESS_TEXT_MAX];
    address_print(at, name);
    OWN(fd) int made = socket(at->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) {
        return error_errno(e, ERROR_CONFIG, "listen at %s: socket", name);
    }
    int on = 1;
    (void)setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (at->socket.any.sa_family == AF_INET6) {
        (void)setsockopt(made, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    if (bind(made, &at->socket.any, at->len) != 0 || listen(made, backlog) != 0) {
        return error_errno(e, ERROR_CONFIG, "listen at %s", name);
    }
    *fd = TAKE(made, -1);
    return true;
}
