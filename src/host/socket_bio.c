#include <errno.h>
#include <openssl/bio.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/arena.h"

#include "host/internal.h"

static int socket_write(BIO *bio, const char *bytes, size_t len, size_t *done)
{
    const int *fd = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t n = send(*fd, bytes, len, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_write(bio);
    }
    *done = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static int socket_read(BIO *bio, char *bytes, size_t len, size_t *done)
{
    const int *fd = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t n = recv(*fd, bytes, len, 0);
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

BIO *socket_bio(int *fd)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_socket_method);
    BIO *bio = BIO_new(socket_method);
    if (!bio) {
        arena_panic("out of memory");
    }
    BIO_set_data(bio, fd);
    BIO_set_init(bio, 1);
    return bio;
}
