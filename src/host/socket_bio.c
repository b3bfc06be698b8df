#include <errno.h>
#include <openssl/bio.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/arena.h"

#include "host/internal.h"

bool socket_flush(struct socket_port *p)
{
    while (p->held.len) {
        ssize_t n = send(p->fd, p->held.ptr, p->held.len, MSG_NOSIGNAL | (p->last ? MSG_MORE : 0));
        if (n < 0) {
            return false;
        }
        buf_drop(&p->held, (size_t)n);
    }
    buf_done(&p->held);
    return true;
}

/* Whether the call that failed is to be tried again, as soon as the socket takes more. */
static void say_why(BIO *bio)
{
    if (errno == EAGAIN || errno == EINTR) {
        BIO_set_retry_write(bio);
    }
}

static int socket_write(BIO *bio, const char *bytes, size_t len, size_t *done)
{
    struct socket_port *p = BIO_get_data(bio);
    ssize_t n = -1;

    BIO_clear_retry_flags(bio);
    if (p->gathers && len <= SOCKET_GATHERS_MAX - p->held.len) {
        buf_add(&p->held, slice_of((const uint8_t *)bytes, len));
        *done = len;
        return 1;
    }
    if (socket_flush(p)) {
        n = send(p->fd, bytes, len, MSG_NOSIGNAL | (p->last ? MSG_MORE : 0));
    }
    if (n < 0) {
        say_why(bio);
    }
    *done = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static int socket_read(BIO *bio, char *bytes, size_t len, size_t *done)
{
    struct socket_port *p = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    *done = 0;
    if (!socket_flush(p)) { /* who waits for an answer has asked first */
        say_why(bio);
        return 0;
    }
    ssize_t n = recv(p->fd, bytes, len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_read(bio);
    } else if (n == 0) {
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    }
    *done = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default:
        return 0;
    }
}

static BIO_METHOD *socket_method;

static void make_socket_method(void)
{
    socket_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
    if (!socket_method || !BIO_meth_set_write_ex(socket_method, socket_write) ||
        !BIO_meth_set_read_ex(socket_method, socket_read) ||
        !BIO_meth_set_ctrl(socket_method, socket_control)) {
        arena_panic("OpenSSL refuses a BIO method");
    }
}

BIO *socket_bio(struct socket_port *p)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_socket_method);
    BIO *bio = BIO_new(socket_method);
    if (!bio) {
        arena_panic("out of memory");
    }
    BIO_set_data(bio, p);
    BIO_set_init(bio, 1);
    return bio;
}
