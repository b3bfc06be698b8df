#include "tests/scripted.h"

#include <stdio.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/clock.h"

#include "host/conn.h"
#include "host/dial.h"
#include "host/thread.h"

#define SOON       (clock_steady_ms() + 10000)
#define LETTER_MAX ((size_t)8 << 20)

static bool more(struct conn *c, struct buf *in)
{
    enum conn_event event = CONN_CLOSED;
    struct error ignored = {0};
    return conn_read(c, in, SOON, &event, &ignored) && event == CONN_BYTES;
}

static bool breach(struct scripted *s, const char *step, struct slice got)
{
    (void)snprintf(s->breach, sizeof(s->breach), "wanted '%s', got '%.*s'", step, SLICE_ARG(got));
    return false;
}

static bool expect(struct scripted *s, struct conn *c, struct buf *in, const char *step)
{
    struct slice rest = SLICE_NONE;
    while (slice_find(buf_slice(in), '\n') == in->len) {
        if (!more(c, in)) {
            return breach(s, step, SLICE("the end"));
        }
    }
    struct slice line = slice_cut(buf_slice(in), '\n', &rest);
    bool met = slice_starts(line, slice_text(step + 2));
    if (!met) {
        (void)breach(s, step, line);
    }
    buf_drop(in, in->len - rest.len);
    return met;
}

static bool take_letter(struct scripted *s, struct conn *c, struct buf *in)
{
    const uint8_t *end = NULL;
    while (!(end = memmem(in->ptr, in->len, "\r\n.\r\n", 5))) {
        if (!more(c, in)) {
            return breach(s, "LETTER", SLICE("the end"));
        }
    }
    size_t len = (size_t)(end - in->ptr) + 5;
    buf_reset(&s->letter);
    buf_add(&s->letter, slice_of(in->ptr, len));
    buf_drop(in, len);
    return true;
}

static bool say(struct conn *c, const char *words, const char *end)
{
    char line[1024];
    struct error ignored = {0};
    (void)snprintf(line, sizeof(line), "%s%s", words, end);
    return conn_write(c, slice_text(line), SOON, &ignored);
}

static bool play_step(struct scripted *s, struct conn *c, struct buf *in, const char *step)
{
    struct error e = {0};

    switch (step[0]) {
    case '>':
        return say(c, step + 2, "\r\n");
    case '=':
        return say(c, step + 2, "");
    case '<':
        return expect(s, c, in, step);
    case 'T':
        return conn_tls_accept(c, s->tls, SOON, &e);
    case 'L':
        return take_letter(s, c, in);
    case 'P':
        buf_reset(in);
        return more(c, in);
    case 'W':
        while (more(c, in)) {
            buf_reset(in);
        }
        return true;
    default:
        return false; /* DROP */
    }
}

static void play(struct scripted *s, int fd, const char *const *script)
{
    OWN(conn) struct conn *c = conn_new(fd);
    OWN(buf) struct buf in = {.max = LETTER_MAX};

    while (*script && play_step(s, c, &in, *script)) {
        script++;
    }
}

static void serve(void *argument)
{
    struct scripted *s = argument;
    for (size_t i = 0; i < SCRIPTS_MAX && s->scripts[i]; i++) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            return; /* scripted_join() shut the socket */
        }
        s->connections++;
        play(s, fd, s->scripts[i]);
    }
}

void scripted_start(struct scripted *s)
{
    struct error e = {0};
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);

    if (!address_parse(slice_text(s->at ? s->at : "127.0.0.1"), 1, &s->address, &e)) {
        arena_panic(e.text);
    }
    if (!s->at) {
        address_set_port(&s->address, 0);
    }
    buf_init(&s->letter, LETTER_MAX);
    if (!dial_listen(&s->address, 8, &s->fd, &e) ||
        getsockname(s->fd, (struct sockaddr *)&bound, &len) != 0 ||
        !thread_start_joinable("scripted", THREAD_STACK_LARGE, serve, s, &s->thread, &e)) {
        arena_panic(e.text);
    }
    s->address = address_from_socket(&bound, len);
}

void scripted_join(struct scripted *s)
{
    (void)shutdown(s->fd, SHUT_RDWR);
    thread_join(s->thread);
    (void)close(s->fd);
    s->fd = -1;
}

void scripted_done(struct scripted *s)
{
    buf_done(&s->letter);
}
