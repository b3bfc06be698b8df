/* bench/sink - the outside world of a benchmark: an SMTP server that takes every letter.
 *
 * STARTTLS, PIPELINING, 8BITMIME, SIZE, SMTPUTF8; a thread for each connection. Keeps nothing but a
 * count of the letters, in a file that the load sender maps. It judges nothing: what an SMTP client
 * of ours says is tested elsewhere. Runs until it is ended. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/error.h"

#define INPUT_BYTES  (64 << 10)
#define OUTPUT_BYTES (8 << 10)
#define STACK_BYTES  (256 << 10)

static SSL_CTX *tls_context;
static _Atomic uint64_t *letters; /* in the shared file */

struct peer {
    int fd;
    SSL *ssl; /* NULL: plain */
    uint8_t in[INPUT_BYTES];
    size_t from, to; /* what of `in` is not yet consumed */
    bool data;       /* between DATA and the final dot */
    bool starts_tls; /* STARTTLS was answered */
    bool ends;
    struct buf out;
};

static bool flush(struct peer *p)
{
    struct slice rest = buf_slice(&p->out);
    ssize_t n = 1;

    while (rest.len && n > 0) {
        n = p->ssl ? SSL_write(p->ssl, rest.ptr, (int)rest.len)
                   : send(p->fd, rest.ptr, rest.len, MSG_NOSIGNAL);
        rest = n > 0 ? slice_from(rest, (size_t)n) : rest;
    }
    buf_reset(&p->out);
    return n > 0;
}

/* Replies to a pipelined group go together, when there is nothing more to read (RFC 2920). */
static bool fill(struct peer *p)
{
    if (!flush(p)) {
        return false;
    }
    (void)memmove(p->in, p->in + p->from, p->to - p->from);
    p->to -= p->from;
    p->from = 0;
    size_t room = sizeof(p->in) - p->to;
    ssize_t n = !room    ? 0
                : p->ssl ? SSL_read(p->ssl, p->in + p->to, (int)room)
                         : recv(p->fd, p->in + p->to, room, 0);
    p->to += n > 0 ? (size_t)n : 0;
    return n > 0;
}

static void on_ehlo(struct peer *p)
{
    buf_printf(&p->out,
               "250-sink.example\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n"
               "250-SMTPUTF8\r\n%s250 ENHANCEDSTATUSCODES\r\n",
               p->ssl ? "" : "250-STARTTLS\r\n");
}

static void on_command(struct peer *p, struct slice line)
{
    if (slice_starts_nocase(line, SLICE("EHLO")) || slice_starts_nocase(line, SLICE("HELO"))) {
        on_ehlo(p);
    } else if (slice_starts_nocase(line, SLICE("STARTTLS"))) {
        buf_add_text(&p->out, "220 2.0.0 go on\r\n");
        p->starts_tls = true;
    } else if (slice_starts_nocase(line, SLICE("DATA"))) {
        buf_add_text(&p->out, "354 go on\r\n");
        p->data = true;
    } else if (slice_starts_nocase(line, SLICE("QUIT"))) {
        buf_add_text(&p->out, "221 2.0.0 bye\r\n");
        p->ends = true;
    } else {
        buf_add_text(&p->out, "250 2.0.0 ok\r\n");
    }
}

/* Consume what there is of a letter. The final dot is a line of its own, and lines are whole in
 * the buffer or longer than one could be. */
static void take_data(struct peer *p)
{
    while (p->from < p->to) {
        const uint8_t *start = p->in + p->from;
        const uint8_t *end = memchr(start, '\n', p->to - p->from);
        if (!end) {
            p->from = p->to - p->from > sizeof(p->in) / 2 ? p->to : p->from;
            return;
        }
        p->from = (size_t)(end - p->in) + 1;
        if (*start == '.' && end - start == 2) {
            (void)atomic_fetch_add(letters, 1);
            buf_add_text(&p->out, "250 2.0.0 taken\r\n");
            p->data = false;
            return;
        }
    }
}

static void take_commands(struct peer *p)
{
    struct slice rest = {p->in + p->from, p->to - p->from};
    size_t end = slice_find(rest, '\n');

    if (end < rest.len) {
        p->from += end + 1;
        on_command(p, slice_head(rest, end));
    }
}

static bool start_tls(struct peer *p)
{
    p->starts_tls = false;
    if (!flush(p)) {
        return false;
    }
    p->ssl = SSL_new(tls_context);
    return p->ssl && SSL_set_fd(p->ssl, p->fd) && SSL_accept(p->ssl) == 1;
}

static void talk(struct peer *p)
{
    buf_add_text(&p->out, "220 sink.example ESMTP\r\n");
    while (!p->ends && fill(p)) {
        size_t before;
        do {
            before = p->from;
            if (p->data) {
                take_data(p);
            } else {
                take_commands(p);
            }
            if (p->starts_tls && !start_tls(p)) {
                return;
            }
        } while (!p->ends && p->from != before);
    }
    (void)flush(p);
}

static void *serve(void *peer)
{
    struct peer *p = peer;

    talk(p);
    SSL_free(p->ssl);
    (void)close(p->fd);
    buf_done(&p->out);
    free(p);
    return NULL;
}

static void start_peer(int fd)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int on = 1;
    struct peer *p = calloc(1, sizeof(*p));

    if (!p) {
        (void)close(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    p->fd = fd;
    buf_init(&p->out, OUTPUT_BYTES);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, serve, p) != 0) {
        (void)close(fd);
        free(p);
    }
    (void)pthread_attr_destroy(&attributes);
}

static bool map_counter(const char *path, struct error *e)
{
    OWN(fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0 || ftruncate(fd, sizeof(*letters)) != 0) {
        return error_errno(e, ERROR_CONFIG, "%s", path);
    }
    void *page = mmap(NULL, sizeof(*letters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        return error_errno(e, ERROR_CONFIG, "%s", path);
    }
    letters = page;
    return true;
}

static bool load(const char *certificate, const char *key, struct error *e)
{
    tls_context = SSL_CTX_new(TLS_server_method());
    if (!tls_context || SSL_CTX_use_certificate_chain_file(tls_context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_context, key, SSL_FILETYPE_PEM) != 1) {
        return error_set(e, ERROR_CONFIG, "certificate %s, key %s: not usable", certificate, key);
    }
    (void)SSL_CTX_set_mode(tls_context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(tls_context, 1);
    return true;
}

static bool listen_on(const char *host, uint64_t port, int *listener, struct error *e)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;
    OWN(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (inet_pton(AF_INET, host, &in.sin_addr) != 1 ||
        bind(fd, (const struct sockaddr *)&in, sizeof(in)) != 0 || listen(fd, 512) != 0) {
        return error_errno(e, ERROR_CONFIG, "%s port %llu", host, (unsigned long long)port);
    }
    *listener = TAKE(fd, -1);
    return true;
}

int main(int argc, char **argv)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct error e = {0};
    uint64_t port = 0;
    int listener = -1;

    if (argc != 6 || !slice_decimal(slice_text(argv[2]), 65535, &port)) {
        (void)fputs("usage: sink ADDRESS PORT CERTIFICATE KEY COUNTER-FILE\n", stderr);
        return 64;
    }
    (void)sigaction(SIGPIPE, &ignore, NULL);
    if (!map_counter(argv[5], &e) || !load(argv[3], argv[4], &e) ||
        !listen_on(argv[1], port, &listener, &e)) {
        (void)fprintf(stderr, "sink: %s\n", e.text);
        return error_exit_code(&e);
    }
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            start_peer(fd);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            (void)usleep(10000);
        }
    }
}
