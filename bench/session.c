#include "bench/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "base/clock.h"

#define PLAIN_MAX 400

void session_init(struct session *s)
{
    *s = (struct session){.phase = SESSION_CLOSED, .fd = -1};
    buf_init(&s->out, 4096);
    buf_init(&s->letter, (size_t)64 << 20);
    for (size_t i = 0; i < 3; i++) {
        buf_init(&s->commands[i], 1024);
    }
}

bool session_open(struct session *s, const struct session_target *t, struct error *e)
{
    int on = 1;

    s->fd = socket(t->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0) {
        return error_errno(e, ERROR_BUSY, "socket");
    }
    /* Without TCP_NODELAY the last segment of a letter waits for an acknowledgement of the one
     * before, which the other side delays by 40 ms. */
    (void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    s->begun_ns = clock_steady_ns();
    if (t->source &&
        bind(s->fd, (const struct sockaddr *)t->source, sizeof(struct sockaddr_in)) != 0) {
        return error_errno(e, ERROR_BUSY, "bind");
    }
    if (connect(s->fd, (const struct sockaddr *)&t->address, t->address_len) != 0 &&
        errno != EINPROGRESS) {
        return error_errno(e, ERROR_BUSY, "connect");
    }
    s->ssl = SSL_new(t->tls);
    if (!s->ssl || !SSL_set_fd(s->ssl, s->fd)) {
        return error_set(e, ERROR_BUSY, "TLS: no session");
    }
    SSL_set_connect_state(s->ssl);
    s->phase = SESSION_HANDSHAKE;
    s->n_replies = 0;
    s->sent = 0;
    s->pipelining = false;
    buf_reset(&s->out);
    return true;
}

/* What may be written now: commands first, then, after 354, the letter. */
static struct slice unsent(const struct session *s)
{
    const struct buf *from = s->phase == SESSION_BODY ? &s->letter : &s->out;

    return slice_from(buf_slice(from), s->sent);
}

bool session_wants_room(const struct session *s)
{
    return s->phase == SESSION_HANDSHAKE ? SSL_want_write(s->ssl) : unsent(s).len != 0;
}

bool session_has_pending(const struct session *s)
{
    return s->ssl && SSL_has_pending(s->ssl);
}

/* Did the call fail for good? Then *e says why; otherwise it is only the socket's turn. */
static bool broke(struct session *s, int result, const char *what, struct error *e)
{
    int reason = SSL_get_error(s->ssl, result);

    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) {
        return false;
    }
    char text[160] = "connection closed";
    if (reason == SSL_ERROR_SSL) {
        ERR_error_string_n(ERR_get_error(), text, sizeof(text));
    } else if (reason == SSL_ERROR_SYSCALL && errno) {
        (void)snprintf(text, sizeof(text), "%s", strerror(errno));
    }
    ERR_clear_error();
    (void)error_set(e, ERROR_BUSY, "%s: %s (last reply: %s)", what, text, s->last_reply);
    return true;
}

static bool flush(struct session *s, struct error *e)
{
    struct slice rest = unsent(s);

    while (rest.len) {
        int n = SSL_write(s->ssl, rest.ptr, rest.len > 1 << 20 ? 1 << 20 : (int)rest.len);
        if (n <= 0) {
            return !broke(s, n, "write", e);
        }
        s->sent += (size_t)n;
        rest = slice_from(rest, (size_t)n);
        if (!rest.len && s->phase == SESSION_BODY) {
            s->end_of_data_ns = clock_steady_ns();
        }
    }
    return true;
}

static void say(struct session *s, struct slice command)
{
    if (!unsent(s).len) {
        buf_reset(&s->out);
        s->sent = 0;
    }
    buf_add(&s->out, command);
}

static void say_auth(struct session *s, const struct session_target *t)
{
    char plain[PLAIN_MAX];
    uint8_t base64[PLAIN_MAX * 2];

    int n = snprintf(plain, sizeof(plain), "%c%s%c%s", 0, t->user, 0, t->password);
    n = n < PLAIN_MAX ? n : PLAIN_MAX - 1;
    int len = EVP_EncodeBlock(base64, (const uint8_t *)plain, n);
    say(s, SLICE("AUTH PLAIN "));
    say(s, slice_of(base64, (size_t)len));
    say(s, SLICE("\r\n"));
}

bool session_auth(struct session *s, const struct session_target *t, struct error *e)
{
    say_auth(s, t);
    s->phase = SESSION_AUTH;
    return flush(s, e);
}

bool session_send(struct session *s, const char *from, struct slice recipient, struct error *e)
{
    for (size_t i = 0; i < 3; i++) {
        buf_reset(&s->commands[i]);
    }
    buf_printf(&s->commands[0], "MAIL FROM:<%s>\r\n", from);
    buf_printf(&s->commands[1], "RCPT TO:<%.*s>\r\n", SLICE_ARG(recipient));
    buf_add_text(&s->commands[2], "DATA\r\n");
    for (size_t i = 0; i < (s->pipelining ? 3 : 1); i++) {
        say(s, buf_slice(&s->commands[i]));
    }
    s->refused = false;
    s->phase = SESSION_MAIL;
    return flush(s, e);
}

/* The envelope's three replies. The last decides, so a refused RCPT ends in a refused DATA. */
static bool on_envelope(struct session *s, unsigned code, enum session_event *event)
{
    s->refused = s->refused || code >= 400;
    if (s->phase != SESSION_DATA) {
        size_t next = s->phase == SESSION_MAIL ? 1 : 2;
        s->phase = s->phase == SESSION_MAIL ? SESSION_RCPT : SESSION_DATA;
        if (!s->pipelining) {
            say(s, buf_slice(&s->commands[next]));
        }
        return true;
    }
    if (code != 354) {
        s->phase = SESSION_IDLE;
        *event = SESSION_REFUSED;
        return s->refused;
    }
    s->sent = 0;
    s->phase = SESSION_BODY;
    return true;
}

/* One complete reply arrived. Returns false on one that the session cannot go on from. */
static bool on_reply(struct session *s, const struct session_target *t, unsigned code,
                     enum session_event *event)
{
    switch (s->phase) {
    case SESSION_GREETING:
        say(s, SLICE("EHLO client.example\r\n"));
        s->phase = SESSION_EHLO;
        return code == 220;
    case SESSION_EHLO:
        if (t->user) {
            say_auth(s, t);
            s->phase = SESSION_AUTH;
            return code == 250;
        }
        s->phase = SESSION_IDLE;
        *event = SESSION_READY;
        return code == 250;
    case SESSION_AUTH:
        s->phase = SESSION_IDLE;
        *event = code == 235 ? SESSION_READY : SESSION_DENIED;
        return code != 421;
    case SESSION_MAIL:
    case SESSION_RCPT:
    case SESSION_DATA:
        return on_envelope(s, code, event);
    case SESSION_BODY:
        if (unsent(s).len) {
            return false; /* refused in the middle: the rest would be read as commands */
        }
        s->phase = SESSION_IDLE;
        s->sent = s->out.len;
        *event = code == 250 ? SESSION_ACCEPTED : SESSION_REFUSED;
        return code != 421;
    case SESSION_CLOSED:
    case SESSION_HANDSHAKE:
    case SESSION_IDLE:
        break;
    }
    return false;
}

/* Take the complete lines out of the replies; the last line of each reply is acted on. */
static bool take_replies(struct session *s, const struct session_target *t,
                         enum session_event *event, struct error *e)
{
    size_t from = 0;
    bool ok = true;

    while (ok && *event == SESSION_WAIT) {
        struct slice rest = {s->replies + from, s->n_replies - from};
        size_t end = slice_find(rest, '\n');
        if (end == rest.len) {
            break;
        }
        struct slice line = slice_head(rest, end);
        uint64_t code = 0;
        bool last = line.len > 3 && line.ptr[3] != '-';
        from += end + 1;
        s->pipelining =
            s->pipelining || (s->phase == SESSION_EHLO && line.len > 4 &&
                              slice_starts_nocase(slice_from(line, 4), SLICE("PIPELINING")));
        (void)snprintf(s->last_reply, sizeof(s->last_reply), "%.*s", SLICE_ARG(line));
        ok = slice_decimal(slice_head(line, 3), 999, &code) &&
             (!last || on_reply(s, t, (unsigned)code, event));
    }
    s->n_replies -= from;
    (void)memmove(s->replies, s->replies + from, s->n_replies);
    return ok || error_set(e, ERROR_INPUT, "unexpected reply: %s", s->last_reply);
}

static bool handshake(struct session *s, struct error *e)
{
    int n = SSL_do_handshake(s->ssl);

    if (n <= 0) {
        return !broke(s, n, "handshake", e);
    }
    s->phase = SESSION_GREETING;
    return true;
}

bool session_advance(struct session *s, const struct session_target *t, enum session_event *event,
                     struct error *e)
{
    *event = SESSION_WAIT;
    if (s->phase == SESSION_HANDSHAKE && !handshake(s, e)) {
        return false;
    }
    if (s->phase == SESSION_HANDSHAKE) {
        return true;
    }
    if (!flush(s, e)) {
        return false;
    }
    while (*event == SESSION_WAIT && s->n_replies < sizeof(s->replies)) {
        int n =
            SSL_read(s->ssl, s->replies + s->n_replies, (int)(sizeof(s->replies) - s->n_replies));
        if (n <= 0) {
            return !broke(s, n, "read", e);
        }
        s->n_replies += (size_t)n;
        if (!take_replies(s, t, event, e) || !flush(s, e)) {
            return false;
        }
        if (!SSL_has_pending(s->ssl)) { /* the socket would say that it has nothing */
            return true;
        }
    }
    return true;
}

void session_close(struct session *s)
{
    if (s->ssl && s->phase != SESSION_HANDSHAKE) {
        (void)SSL_write(s->ssl, "QUIT\r\n", 6);
        (void)SSL_shutdown(s->ssl);
        ERR_clear_error();
    }
    SSL_free(s->ssl);
    s->ssl = NULL;
    if (s->fd >= 0) {
        (void)close(s->fd);
    }
    s->fd = -1;
    s->phase = SESSION_CLOSED;
}
