#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/clock.h"

#include "host/conn.h"
#include "host/thread.h"
#include "tests/certificates.h"
#include "tests/echo.h"
#include "tests/test.h"

#define SOON (clock_steady_ms() + 10000)

static struct certificate ca;
static struct certificate ec;
static const struct certificate *const certificates[] = {&ec};
static struct certificate_keys keys = {certificates, 1};

static int make_certificates(void **unused)
{
    (void)unused;
    certificate_make(&ca, NULL, "P-256", NULL, -1, 30);
    certificate_make(&ec, &ca, "P-256", "mx.example.test", -1, 30);
    return 0;
}

static int free_certificates(void **unused)
{
    (void)unused;
    certificate_done(&ca);
    certificate_done(&ec);
    return 0;
}

static struct tls_server *new_server(void)
{
    struct slice chain = slice_text(ec.pem);
    struct error e;
    struct tls_server_options o = {&chain, 1, certificate_sign, &keys};
    struct tls_server *s = tls_server_new(&o, &e);
    assert_ok(s, e);
    return s;
}

static struct tls_client *new_client(void)
{
    struct error e;
    struct tls_client *t = tls_client_from_pem(slice_text(ca.pem), &e);
    assert_ok(t, e);
    return t;
}

static void pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void says_and_hears(struct conn *c, size_t len)
{
    struct error e;
    OWN(buf) struct buf out = {.max = len};
    OWN(buf) struct buf in = {.max = len};
    enum conn_event event;
    while (out.len < len) {
        buf_add_byte(&out, (uint8_t)(out.len * 7));
    }
    for (size_t sent = 0; sent < len; sent += 4000) { /* the echo's end has a small buffer */
        assert_ok(conn_write(c, slice_head(slice_from(buf_slice(&out), sent), 4000), SOON, &e), e);
        while (in.len < sent + 4000 && in.len < len) {
            assert_ok(conn_read(c, &in, SOON, &event, &e), e);
            assert_int_equal(event, CONN_BYTES);
        }
    }
    assert_true(slice_equal(buf_slice(&in), buf_slice(&out)));
}

static void peer_ends(struct conn *c)
{
    struct error e;
    enum conn_event event;
    OWN(buf) struct buf in = {.max = 10};
    conn_half_close(c);
    assert_ok(conn_read(c, &in, SOON, &event, &e), e);
    assert_int_equal(event, CONN_CLOSED);
}

static void plain(void **unused)
{
    (void)unused;
    struct echo far = {.server = NULL};
    int fd = echo_start(&far);
    OWN(conn) struct conn *c = conn_new(fd);
    says_and_hears(c, 30000);
    assert_false(conn_tls(c)->on);
    assert_string_equal(conn_peer_text(c), "local");
    peer_ends(c);
    echo_join(&far);
}

static void deadlines_hold(void **unused)
{
    (void)unused;
    struct error e;
    int fds[2];
    pair(fds);
    OWN(fd) int silent = fds[1];
    OWN(conn) struct conn *c = conn_new(fds[0]);
    OWN(buf) struct buf in = {.max = 100};
    enum conn_event event = CONN_BYTES;
    int64_t began = clock_steady_ms();
    assert_ok(conn_read(c, &in, began + 60, &event, &e), e);
    assert_int_equal(event, CONN_TIMED_OUT);
    assert_true(clock_steady_ms() - began >= 60);

    assert_int_equal(write(silent, "still good", 10), 10);
    assert_true(conn_is_readable(c));
    assert_ok(conn_read(c, &in, SOON, &event, &e), e);
    assert_slice(buf_slice(&in), "still good");
    assert_false(conn_is_readable(c));

    static uint8_t much[1 << 20];
    began = clock_steady_ms();
    assert_false(conn_write(c, SLICE_ARRAY(much), began + 60, &e));
    assert_int_equal(e.kind, ERROR_BUSY);

    OWN(tls_server) struct tls_server *server = new_server();
    int more[2];
    pair(more);
    OWN(fd) int mute = more[1];
    OWN(conn) struct conn *d = conn_new(more[0]);
    assert_false(conn_tls_accept(d, server, clock_steady_ms() + 60, &e));
    assert_string_equal(e.text, "TLS handshake: not done in time");
    assert_true(mute >= 0);
}

/* CVE-2011-0411: what came before the handshake is in the caller's buffer, nowhere else. */
static void nothing_is_read_ahead(void **unused)
{
    (void)unused;
    struct error e;
    int fds[2];
    pair(fds);
    OWN(fd) int attacker = fds[1];
    OWN(conn) struct conn *c = conn_new(fds[0]);
    OWN(buf) struct buf in = {.max = 1000};
    enum conn_event event;
    assert_int_equal(write(attacker, "STARTTLS\r\nMAIL FROM:<a@b>\r\n", 27), 27);
    assert_ok(conn_read(c, &in, SOON, &event, &e), e);
    assert_slice(buf_slice(&in), "STARTTLS\r\nMAIL FROM:<a@b>\r\n");

    OWN(tls_server) struct tls_server *server = new_server();
    assert_int_equal(write(attacker, "MAIL FROM:<a@b>\r\n", 17), 17);
    assert_false(conn_tls_accept(c, server, SOON, &e));
    assert_false(conn_tls(c)->on);
}

static void a_cut_is_no_end(void **unused)
{
    (void)unused;
    struct error e;
    OWN(tls_server) struct tls_server *server = new_server();
    OWN(tls_client) struct tls_client *client = new_client();
    struct echo far = {.server = server};
    int fd = echo_start(&far);
    struct conn *c = conn_new(fd);
    assert_ok(conn_tls_connect(c, client, SLICE("mx.example.test"), SOON, &e), e);
    says_and_hears(c, 100);
    assert_false(conn_is_readable(c)); /* the session ticket is not something to read */
    conn_free(c);                      /* no close_notify */
    echo_join(&far);
    assert_true(far.handshake_ok);
    assert_non_null(strstr(far.e.text, "read: "));
}

static void abort_main(void *argument)
{
    (void)usleep(50000);
    conn_abort(argument);
}

static void an_abort_wakes_the_reader(void **unused)
{
    (void)unused;
    struct error e;
    int fds[2];
    pthread_t thread;
    pair(fds);
    OWN(fd) int far = fds[1];
    OWN(conn) struct conn *c = conn_new(fds[0]);
    OWN(buf) struct buf in = {.max = 10};
    enum conn_event event = CONN_TIMED_OUT;
    assert_ok(thread_start_joinable("abort", THREAD_STACK_SMALL, abort_main, c, &thread, &e), e);
    bool ok = conn_read(c, &in, SOON, &event, &e);
    assert_true(!ok || event == CONN_CLOSED);
    thread_join(thread);
    assert_false(conn_write(c, SLICE("x"), SOON, &e));
    assert_true(far >= 0);
}

static void a_full_buffer_is_a_limit(void **unused)
{
    (void)unused;
    struct error e;
    int fds[2];
    pair(fds);
    OWN(fd) int far = fds[1];
    OWN(conn) struct conn *c = conn_new(fds[0]);
    OWN(buf) struct buf in = {.max = 4};
    enum conn_event event;
    assert_int_equal(write(far, "123456", 6), 6);
    assert_ok(conn_read(c, &in, SOON, &event, &e), e);
    assert_slice(buf_slice(&in), "1234");
    assert_false(conn_read(c, &in, SOON, &event, &e));
    assert_int_equal(e.kind, ERROR_LIMIT);
    assert_false(in.full);
    buf_drop(&in, 4);
    assert_ok(conn_read(c, &in, SOON, &event, &e), e);
    assert_slice(buf_slice(&in), "56");
}

static void manners(void **unused)
{
    (void)unused;
    struct error e;
    OWN(tls_server) struct tls_server *server = new_server();
    OWN(tls_client) struct tls_client *client = new_client();
    struct echo far = {.server = server};
    int fd = echo_start(&far);
    struct conn *c = conn_new(fd);
    assert_ok(conn_tls_connect(c, client, SLICE("mx.example.test"), SOON, &e), e);
    conn_close(c, SOON);
    echo_join(&far);
    assert_int_equal(far.e.kind, ERROR_NONE);
    conn_close(NULL, 0);
}

/* The server's end of the next test: shakes hands, and speaks when it is told to. */
struct speaker {
    struct conn *conn;
    struct tls_server *server;
    bool shaken;
    struct error e;
};

static void *shake_hands(void *argument)
{
    struct speaker *s = argument;
    s->shaken = conn_tls_accept(s->conn, s->server, SOON, &s->e);
    return NULL;
}

static bool has_bytes(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

/* What a server says last in the handshake, a ticket, waits for its first words, or for those of the client; its last words wait
 * for its end. */
static void small_pieces_go_together(void **unused)
{
    (void)unused;
    OWN(tls_server) struct tls_server *server = new_server();
    OWN(tls_client) struct tls_client *client = new_client();
    for (int speaks = 0; speaks < 2; speaks++) {
        struct error e;
        int fds[2];
        pair(fds);
        struct speaker s = {.conn = conn_new(fds[1]), .server = server};
        OWN(conn) struct conn *c = conn_new(fds[0]);
        OWN(buf) struct buf in = {.max = 100};
        enum conn_event event = CONN_CLOSED;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, shake_hands, &s), 0);
        assert_ok(conn_tls_connect(c, client, SLICE("mx.example.test"), SOON, &e), e);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_ok(s.shaken, s.e);
        assert_false(has_bytes(fds[0]));
        if (speaks) {
            assert_ok(conn_write(s.conn, SLICE("220 hello"), SOON, &e), e);
            assert_ok(conn_read(c, &in, SOON, &event, &e), e);
            assert_slice(buf_slice(&in), "220 hello");
        } else {
            assert_ok(conn_read(s.conn, &in, clock_steady_ms(), &event, &e), e);
            assert_int_equal(event, CONN_TIMED_OUT);
            assert_true(has_bytes(fds[0]));
            buf_reset(&in);
        }
        buf_reset(&in);
        conn_ends(s.conn);
        assert_ok(conn_write(s.conn, SLICE("221 bye"), SOON, &e), e);
        conn_half_close(s.conn);
        assert_ok(conn_read(c, &in, SOON, &event, &e), e);
        assert_slice(buf_slice(&in), "221 bye");
        assert_ok(conn_read(c, &in, SOON, &event, &e), e);
        assert_int_equal(event, CONN_CLOSED);
        conn_free(s.conn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),
        cmocka_unit_test(deadlines_hold),
        cmocka_unit_test(nothing_is_read_ahead),
        cmocka_unit_test(a_cut_is_no_end),
        cmocka_unit_test(an_abort_wakes_the_reader),
        cmocka_unit_test(a_full_buffer_is_a_limit),
        cmocka_unit_test(manners),
        cmocka_unit_test(small_pieces_go_together),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
