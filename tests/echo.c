#include "tests/echo.h"

#include <sys/socket.h>

#include "base/arena.h"
#include "base/clock.h"

#include "host/thread.h"

#define SOON (clock_steady_ms() + 10000)

static void echo(struct echo *x, struct conn *c)
{
    OWN(buf) struct buf in = {.max = 8000};
    enum conn_event event;
    while (conn_read(c, &in, SOON, &event, &x->e) && event == CONN_BYTES &&
           conn_write(c, buf_slice(&in), SOON, &x->e)) {
        buf_reset(&in);
    }
    conn_half_close(c);
}

static void echo_main(void *argument)
{
    struct echo *x = argument;
    OWN(conn) struct conn *c = conn_new(x->fd);
    x->handshake_ok = !x->server || conn_tls_accept(c, x->server, SOON, &x->e);
    x->facts = *conn_tls(c);
    x->named = x->name && conn_peer_has_name(c, slice_text(x->name));
    x->exported = conn_tls_exporter(c, x->exporter);
    if (x->handshake_ok) {
        echo(x, c);
    }
}

int echo_start(struct echo *x)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
        arena_panic("no socket pair");
    }
    x->fd = fds[1];
    if (!thread_start_joinable("echo", THREAD_STACK_SMALL, echo_main, x, &x->thread, &x->e)) {
        arena_panic(x->e.text);
    }
    return fds[0];
}

void echo_join(struct echo *x)
{
    thread_join(x->thread);
}
