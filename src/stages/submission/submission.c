#include "stages/submission/submission.h"

#include <poll.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"

#include "stages/submission/internal.h"

struct submission *submission_new(const struct submission_options *o)
{
    struct submission *s = calloc(1, sizeof(*s));

    if (!s) {
        arena_panic("out of memory");
    }
    s->options = *o;
    s->admission = admission_new();
    s->hands = hands_new("session", THREAD_STACK_SMALL);
    s->endings = o->door ? NULL : endings_new(o->keeper);
    ipc_budget_init(&s->budget, o->settings(o->context)->process.bytes_in_flight);
    (void)pthread_mutex_init(&s->lock, NULL);
    return s;
}

void submission_free(struct submission *s)
{
    if (s) {
        hands_free(s->hands);
        endings_free(s->endings);
        tls_server_free(s->tls);
        admission_free(s->admission);
        (void)pthread_mutex_destroy(&s->lock);
        free(s);
    }
}

bool submission_use_certificate(struct submission *s, struct slice chain, struct slice clients,
                                struct error *e)
{
    struct tls_server_options options = {
        .chains = &chain,
        .n_chains = 1,
        .sign = signing_ask,
        .sign_context = s->options.signer,
        .client_anchors = clients,
        .ask_clients = !s->options.door && s->options.settings(s->options.context)->auth.devices,
    };
    OWN(tls_server) struct tls_server *next = tls_server_new(&options, e);

    if (!next || !tls_server_prove(next, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&s->lock);
    struct tls_server *before = s->tls;
    s->tls = TAKE(next, NULL);
    (void)pthread_mutex_unlock(&s->lock);
    tls_server_free(before);
    return true;
}

struct tls_server *submission_tls(struct submission *s)
{
    (void)pthread_mutex_lock(&s->lock);
    struct tls_server *now = s->tls ? tls_server_ref(s->tls) : NULL;
    (void)pthread_mutex_unlock(&s->lock);
    return now;
}

bool submission_stopping(const struct submission *s)
{
    struct pollfd p = {.fd = s->options.stop_fd, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

/* What a session begins with. */
struct arrival {
    struct submission *service;
    struct conn *conn;
    bool implicit_tls;
};

static void serve(void *argument)
{
    struct arrival a = *(struct arrival *)argument;
    struct address from = *conn_peer(a.conn);

    free(argument);
    session_serve(a.service, a.conn, a.implicit_tls);
    admission_leave(a.service->admission, &from);
}

/* A client that expects TLS would not understand a word: it just sees the end. */
static void turn_away(struct conn *c, bool implicit_tls, const char *reply)
{
    struct error ignored;

    if (!implicit_tls) {
        (void)!conn_write(c, slice_text(reply), clock_steady_ms(), &ignored);
    }
    conn_half_close(c);
    conn_free(c);
}

static void start_session(struct submission *s, struct conn *c, bool implicit_tls)
{
    struct arrival *a = malloc(sizeof(*a));
    struct error e;

    if (!a) {
        arena_panic("out of memory");
    }
    *a = (struct arrival){s, c, implicit_tls};
    if (!hands_start(s->hands, serve, a, &e)) {
        struct address from = *conn_peer(c);
        log_event(LOG_ERROR, "session.not_started", LOG_TEXT("reason", e.text));
        free(a);
        turn_away(c, implicit_tls,
                  "421 4.3.2 The server is too busy at the moment: please try again\r\n");
        admission_leave(s->admission, &from);
    }
}

void submission_take(struct submission *s, int fd, bool implicit_tls)
{
    const struct settings *settings = s->options.settings(s->options.context);
    const struct submission_settings *limits = &settings->submission;
    struct conn *c = conn_new(fd);
    const struct submission_door *door = s->options.door;

    if (door && !door->admits(door->context, conn_peer(c))) {
        log_event(LOG_WARNING, "session.not_admitted",
                  LOG_TEXT("client", settings->general.log_addresses ? conn_peer_text(c) : ""));
        turn_away(c, implicit_tls, "554 5.7.1 Nobody at your address may connect here\r\n");
        return;
    }
    switch (admission_enter(s->admission, conn_peer(c), limits->connections_limit,
                            limits->connections_per_address, clock_steady_ms())) {
    case ADMISSION_GRANTED:
        start_session(s, c, implicit_tls);
        return;
    case ADMISSION_FULL:
        log_event(LOG_WARNING, "session.too_many", LOG_NUMBER("limit", limits->connections_limit));
        turn_away(c, implicit_tls,
                  "421 4.3.2 Too many people are connected at the moment: please try again\r\n");
        return;
    case ADMISSION_ADDRESS_FULL:
        log_event(LOG_WARNING, "session.too_many_from_one",
                  LOG_NUMBER("limit", limits->connections_per_address),
                  LOG_TEXT("client", settings->general.log_addresses ? conn_peer_text(c) : ""));
        turn_away(c, implicit_tls,
                  "421 4.7.0 Too many connections from your address: please close some\r\n");
        return;
    case ADMISSION_CLOSED: /* the log said so when it began */
        turn_away(c, implicit_tls,
                  "421 4.7.0 Too many failed sign-ins from your address: please try again "
                  "later\r\n");
        return;
    }
}

size_t submission_wait(struct submission *s, int64_t deadline_ms)
{
    size_t left = admission_wait(s->admission, deadline_ms);

    if (s->endings) {
        endings_settle(s->endings);
    }
    return left;
}

struct slice submission_split_status(struct slice text, char *enhanced, size_t size)
{
    struct slice rest;
    struct slice status = slice_cut(text, ' ', &rest);

    enhanced[0] = 0;
    if (status.len < 5 || status.len >= size || status.ptr[1] != '.') {
        return text;
    }
    (void)snprintf(enhanced, size, "%.*s", SLICE_ARG(status));
    return rest;
}
