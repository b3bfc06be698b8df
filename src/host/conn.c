#include "host/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/clock.h"

#include "host/internal.h"
#include "host/thread.h"

/* After this much silence a thread gives the unused pages of its stack back. */
#define REST_AFTER_MS 2000

struct conn {
    int fd;
    int stop_fd; /* what ends a wait for the peer's bytes early; -1: nothing */
    SSL *ssl;    /* NULL while plain */
    struct socket_port port;
    struct tls_server *server;
    struct tls_client *client;
    struct conn_tls tls;
    struct address peer;
    struct address local;
    char peer_text[ADDRESS_TEXT_MAX];
};

enum wait { WAIT_READY, WAIT_LATE, WAIT_FAILED };

static struct address name_of(int fd, int (*ask)(int, struct sockaddr *, socklen_t *))
{
    struct sockaddr_storage storage = {0};
    socklen_t len = sizeof(storage);
    struct sockaddr *any = (struct sockaddr *)&storage;
    return ask(fd, any, &len) == 0 ? address_from_socket(&storage, len) : (struct address){0};
}

struct conn *conn_new(int fd)
{
    struct conn *c = calloc(1, sizeof(*c));
    if (!c) {
        arena_panic("out of memory");
    }
    int on = 1;
    c->fd = fd;
    c->stop_fd = -1;
    c->port = (struct socket_port){.fd = fd, .held = {.max = SOCKET_GATHERS_MAX}};
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    c->peer = name_of(fd, getpeername);
    c->local = name_of(fd, getsockname);
    if (c->peer.len) {
        address_print_host(&c->peer, c->peer_text);
    } else {
        (void)snprintf(c->peer_text, sizeof(c->peer_text), "local");
    }
    return c;
}

void conn_free(struct conn *c)
{
    if (!c) {
        return;
    }
    SSL_free(c->ssl);
    buf_done(&c->port.held);
    tls_server_free(c->server);
    tls_client_free(c->client);
    (void)close(c->fd);
    free(c);
}

/* Waiting */

/* WAIT_FAILED with errno EINTR when a signal came between. */
static enum wait poll_once(const struct conn *c, short events, int64_t wait_ms)
{
    struct pollfd p[] = {
        {.fd = c->fd,      .events = events},
        {.fd = c->stop_fd, .events = POLLIN},
    };
    int n = poll(p, events & POLLIN ? 2 : 1, wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms);
    return n < 0 ? WAIT_FAILED : p[0].revents ? WAIT_READY : WAIT_LATE;
}

static bool is_stopped(const struct conn *c)
{
    struct pollfd p = {.fd = c->stop_fd, .events = POLLIN};
    return c->stop_fd >= 0 && poll(&p, 1, 0) > 0;
}

/* Wait for the events, but not longer than `most_ms` at a time. *over says whether the whole wait is. */
static enum wait wait_once(const struct conn *c, short events, int64_t deadline_ms, int64_t most_ms,
                           bool *over)
{
    int64_t left = deadline_ms - clock_steady_ms();
    left = left < 0 ? 0 : left;
    enum wait w = poll_once(c, events, left < most_ms ? left : most_ms);
    *over = w == WAIT_READY || (w == WAIT_FAILED && errno != EINTR);
    if (!*over && (clock_steady_ms() >= deadline_ms || (events & POLLIN && is_stopped(c)))) {
        *over = true;
        return WAIT_LATE;
    }
    return w;
}

/* Wait for the events; after some silence with a smaller stack. */
static enum wait wait_for(const struct conn *c, short events, int64_t deadline_ms)
{
    int64_t most_ms = REST_AFTER_MS;
    for (;;) {
        bool over;
        enum wait w = wait_once(c, events, deadline_ms, most_ms, &over);
        if (over) {
            return w;
        }
        if (w == WAIT_LATE && most_ms == REST_AFTER_MS) {
            thread_rest();
            most_ms = INT64_MAX;
        }
    }
}

/* One step of TLS */

enum step { STEP_AGAIN, STEP_CLOSED, STEP_LATE, STEP_FAILED };

/* Judge a call on c->ssl that did not succeed: wait for what it needs, or say why it is over. */
static enum step after_failure(struct conn *c, int result, int64_t deadline_ms, const char *doing,
                               struct error *e)
{
    int saved = errno;
    short events = POLLIN;
    switch (SSL_get_error(c->ssl, result)) {
    case SSL_ERROR_WANT_WRITE:
        events = POLLOUT;
        break;
    case SSL_ERROR_WANT_READ:
        break;
    case SSL_ERROR_ZERO_RETURN:
        return STEP_CLOSED;
    case SSL_ERROR_SYSCALL:
        ERR_clear_error();
        errno = saved;
        (void)(saved ? error_errno(e, ERROR_BUSY, "%s", doing)
                     : error_set(e, ERROR_BUSY, "%s: the peer went away", doing));
        return STEP_FAILED;
    default:
        (void)tls_error(e, ERROR_BUSY, "%s", doing);
        return STEP_FAILED;
    }
    switch (wait_for(c, events, deadline_ms)) {
    case WAIT_READY:
        return STEP_AGAIN;
    case WAIT_LATE:
        return STEP_LATE;
    case WAIT_FAILED:
        break;
    }
    (void)error_errno(e, ERROR_BUSY, "%s: poll", doing);
    return STEP_FAILED;
}

static void note_facts(struct conn *c)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(c->ssl);
    int group = (int)SSL_get_negotiated_group(c->ssl);
    const char *group_name = group ? SSL_group_to_name(c->ssl, group) : NULL;
    const X509 *peer = SSL_get0_peer_certificate(c->ssl);
    c->tls = (struct conn_tls){
        .on = true,
        .resumed = SSL_session_reused(c->ssl) == 1,
        .version = SSL_get_version(c->ssl),
        .cipher = cipher ? SSL_CIPHER_standard_name(cipher) : "",
        .group = group_name ? group_name : "",
        .verdict = tls_session_verdict(c->ssl),
    };
    c->tls.by_tlsa = tls_session_tlsa(c->ssl, &c->tls.matched);
    if (peer) {
        (void)X509_digest(peer, EVP_sha256(), c->tls.peer_sha256, NULL);
    }
}

bool conn_tls_exporter(const struct conn *c, uint8_t out[static TLS_EXPORTER_LEN])
{
    return c->ssl && tls_exporter(c->ssl, out);
}

bool conn_peer_has_name(const struct conn *c, struct slice name)
{
    return c->ssl && tls_peer_has_name(c->ssl, name);
}

bool conn_peer_chain(const struct conn *c, struct buf *out)
{
    return c->ssl && !c->tls.resumed && tls_peer_chain(c->ssl, out);
}

static bool handshake(struct conn *c, SSL *ssl, int64_t deadline_ms, struct error *e)
{
    BIO *bio = socket_bio(&c->port);
    SSL_set_bio(ssl, bio, bio);
    SSL_free(c->ssl);
    c->ssl = ssl;
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int result = SSL_do_handshake(ssl);
        if (result == 1) {
            note_facts(c);
            return true;
        }
        switch (after_failure(c, result, deadline_ms, "TLS handshake", e)) {
        case STEP_AGAIN:
            break;
        case STEP_CLOSED:
            return error_set(e, ERROR_BUSY, "TLS handshake: the peer closed");
        case STEP_LATE:
            return error_set(e, ERROR_BUSY, "TLS handshake: not done in time");
        case STEP_FAILED:
            return false;
        }
    }
}

bool conn_tls_accept(struct conn *c, struct tls_server *s, int64_t deadline_ms, struct error *e)
{
    SSL *ssl = tls_server_session(s, e);
    if (!ssl) {
        return false;
    }
    c->server = tls_server_ref(s);
    c->port.gathers = true; /* the ticket goes out with what is said next */
    bool done = handshake(c, ssl, deadline_ms, e);
    if (!done) {
        (void)!socket_flush(&c->port); /* why not: an alert */
    }
    return done;
}

bool conn_tls_connect(struct conn *c, struct tls_client *t, struct slice name, int64_t deadline_ms,
                      struct error *e)
{
    return conn_tls_connect_to(c, t, &(struct tls_expected){.name = name}, deadline_ms, e);
}

bool conn_tls_connect_to(struct conn *c, struct tls_client *t, const struct tls_expected *expected,
                         int64_t deadline_ms, struct error *e)
{
    SSL *ssl = tls_client_session(t, expected, e);
    if (!ssl) {
        return false;
    }
    c->client = tls_client_ref(t);
    return handshake(c, ssl, deadline_ms, e);
}

/* Reading */

void conn_stop_by(struct conn *c, int stop_fd)
{
    c->stop_fd = stop_fd;
}

static bool read_tls(struct conn *c, uint8_t *room, size_t len, int64_t deadline_ms, size_t *got,
                     enum conn_event *event, struct error *e)
{
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int result = SSL_read_ex(c->ssl, room, len, got);
        if (result == 1) {
            *event = CONN_BYTES;
            return true;
        }
        switch (after_failure(c, result, deadline_ms, "read", e)) {
        case STEP_AGAIN:
            break;
        case STEP_CLOSED:
            *event = CONN_CLOSED;
            return true;
        case STEP_LATE:
            *event = CONN_TIMED_OUT;
            return true;
        case STEP_FAILED:
            return false;
        }
    }
}

static bool read_plain(struct conn *c, uint8_t *room, size_t len, int64_t deadline_ms, size_t *got,
                       enum conn_event *event, struct error *e)
{
    ssize_t n = 0;
    while ((n = recv(c->fd, room, len, 0)) < 0) {
        bool again = errno == EAGAIN || errno == EINTR;
        enum wait w = again ? wait_for(c, POLLIN, deadline_ms) : WAIT_FAILED;
        if (w == WAIT_FAILED) {
            return error_errno(e, ERROR_BUSY, "read");
        }
        if (w == WAIT_LATE) {
            *event = CONN_TIMED_OUT;
            return true;
        }
    }
    *got = (size_t)n;
    *event = n > 0 ? CONN_BYTES : CONN_CLOSED;
    return true;
}

/* After a call that sends failed: wait until the socket takes more. */
static bool await_room(const struct conn *c, int64_t deadline_ms, struct error *e)
{
    if (errno != EAGAIN && errno != EINTR) {
        return error_errno(e, ERROR_BUSY, "write");
    }
    switch (wait_for(c, POLLOUT, deadline_ms)) {
    case WAIT_READY:
        return true;
    case WAIT_LATE:
        return error_set(e, ERROR_BUSY, "write: the peer takes nothing");
    case WAIT_FAILED:
        break;
    }
    return error_errno(e, ERROR_BUSY, "write: poll");
}

/* Send what is held: there is nothing more to go along with it. */
static bool let_go(struct conn *c, int64_t deadline_ms, struct error *e)
{
    c->port.gathers = false;
    while (!socket_flush(&c->port)) {
        if (!await_room(c, deadline_ms, e)) {
            return false;
        }
    }
    return true;
}

bool conn_read(struct conn *c, struct buf *in, int64_t deadline_ms, enum conn_event *event,
               struct error *e)
{
    size_t len = in->max - in->len < CONN_READ_MAX ? in->max - in->len : CONN_READ_MAX;
    size_t got = 0;

    if (!let_go(c, deadline_ms, e)) {
        return false;
    }
    /* The answer to what was just written is rarely there yet: wait before asking for it, and
     * before taking memory for it. */
    enum wait first =
        c->ssl && SSL_has_pending(c->ssl) ? WAIT_READY : wait_for(c, POLLIN, deadline_ms);
    if (first == WAIT_FAILED) {
        return error_errno(e, ERROR_BUSY, "read: poll");
    }
    if (first == WAIT_LATE) {
        *event = CONN_TIMED_OUT;
        return true;
    }
    uint8_t *room = len > 0 ? buf_room(in, len) : NULL;
    if (!room) {
        return error_set(e, ERROR_LIMIT, "read: no room in the input buffer");
    }
    bool ok = c->ssl ? read_tls(c, room, len, deadline_ms, &got, event, e)
                     : read_plain(c, room, len, deadline_ms, &got, event, e);
    if (ok) {
        in->len += got;
    }
    return ok;
}

bool conn_is_readable(struct conn *c)
{
    if (!c->ssl) {
        return poll_once(c, POLLIN, 0) == WAIT_READY;
    }
    /* A session ticket makes the socket readable, but is nothing to read. */
    uint8_t byte;
    size_t got;
    ERR_clear_error();
    int result = SSL_peek_ex(c->ssl, &byte, 1, &got);
    bool quiet = result != 1 && SSL_get_error(c->ssl, result) == SSL_ERROR_WANT_READ;
    ERR_clear_error();
    return !quiet;
}

/* Writing */

static bool write_tls(struct conn *c, struct slice out, int64_t deadline_ms, struct error *e)
{
    while (out.len > 0) {
        size_t done = 0;
        ERR_clear_error();
        errno = 0;
        int result = SSL_write_ex(c->ssl, out.ptr, out.len, &done);
        if (result == 1) {
            out = slice_from(out, done);
            continue;
        }
        switch (after_failure(c, result, deadline_ms, "write", e)) {
        case STEP_AGAIN:
            break;
        case STEP_CLOSED:
            return error_set(e, ERROR_BUSY, "write: the peer closed");
        case STEP_LATE:
            return error_set(e, ERROR_BUSY, "write: the peer takes nothing");
        case STEP_FAILED:
            return false;
        }
    }
    return true;
}

static bool write_plain(struct conn *c, struct slice out, int64_t deadline_ms, struct error *e)
{
    while (out.len > 0) {
        ssize_t n = send(c->fd, out.ptr, out.len, MSG_NOSIGNAL | (c->port.last ? MSG_MORE : 0));
        if (n >= 0) {
            out = slice_from(out, (size_t)n);
        } else if (!await_room(c, deadline_ms, e)) {
            return false;
        }
    }
    return true;
}

bool conn_write(struct conn *c, struct slice out, int64_t deadline_ms, struct error *e)
{
    return c->ssl ? write_tls(c, out, deadline_ms, e) && let_go(c, deadline_ms, e)
                  : write_plain(c, out, deadline_ms, e);
}

/* Ending */

void conn_ends(struct conn *c)
{
    c->port.last = true;
}

void conn_half_close(struct conn *c)
{
    conn_ends(c);
    if (c->ssl && SSL_is_init_finished(c->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(c->ssl);
        ERR_clear_error();
    }
    (void)!socket_flush(&c->port);
    (void)shutdown(c->fd, SHUT_WR);
}

void conn_close(struct conn *c, int64_t deadline_ms)
{
    if (!c) {
        return;
    }
    conn_half_close(c);
    uint8_t unread[1024];
    for (;;) { /* below TLS: what the peer still says is of no interest, only its end */
        ssize_t n = recv(c->fd, unread, sizeof(unread), 0);
        bool more = n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
        if (!more || clock_steady_ms() >= deadline_ms ||
            (n < 0 && wait_for(c, POLLIN, deadline_ms) != WAIT_READY)) {
            break;
        }
    }
    conn_free(c);
}

void conn_abort(struct conn *c)
{
    (void)shutdown(c->fd, SHUT_RDWR);
}

const struct conn_tls *conn_tls(const struct conn *c)
{
    return &c->tls;
}

const struct address *conn_peer(const struct conn *c)
{
    return &c->peer;
}

const char *conn_peer_text(const struct conn *c)
{
    return c->peer_text;
}

const struct address *conn_local(const struct conn *c)
{
    return &c->local;
}
