#include "processes/links.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/clock.h"

#include "host/address.h"
#include "processes/control.h"
#include "processes/internal.h"

/* ── the supervisor's end ── */

static bool begin(int family, const struct sockaddr *to, socklen_t len, int *fd, struct error *e)
{
    OWN(fd) int made = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (made < 0) {
        return error_errno(e, ERROR_BUSY, "socket");
    }
    if (connect(made, to, len) != 0 && errno != EINPROGRESS) {
        return error_errno(e, ERROR_BUSY, "nobody listens there");
    }
    *fd = TAKE(made, -1);
    return true;
}

static bool begin_unix(struct slice path, int *fd, struct error *e)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    if (path.len >= sizeof(to.sun_path)) {
        return error_set(e, ERROR_CONFIG, "the path of the socket is too long");
    }
    (void)memcpy(to.sun_path, path.ptr, path.len);
    return begin(AF_UNIX, (const struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1), fd, e);
}

static bool open_place(const struct settings *s, uint64_t place, int *fd, struct error *e)
{
    struct slice text = place == LINK_CLAMD ? s->scanners.clamd : s->scanners.rspamd;
    struct slice scheme = place == LINK_CLAMD ? SLICE_NONE : SLICE(SETTINGS_RSPAMD_SCHEME);
    struct settings_scanner_place to;
    struct address address;

    if (!settings_scanner_place(text, scheme, &to)) {
        return error_set(e, ERROR_CONFIG, "it is not set where that is");
    }
    if (to.path.len) {
        return begin_unix(to.path, fd, e);
    }
    if (!address_parse(to.host, to.port, &address, e)) {
        return false;
    }
    return begin(address.socket.any.sa_family, &address.socket.any, address.len, fd, e);
}

bool links_answer(struct child *c, const struct ipc_packet *p, const struct settings *settings,
                  struct arena *arena, struct error *e)
{
    struct error why = {0};
    struct control_want want;
    OWN(fd) int fd = -1;

    if (!c->row->links) {
        return error_set(e, ERROR_DENIED, "it may not ask for connections");
    }
    if (!control_read(p, &control_want_schema, arena, &want, e)) {
        return false;
    }
    const struct control_link link = {
        .number = want.number,
        .failed = open_place(settings, want.place, &fd, &why) ? 0 : (uint64_t)why.kind,
        .reason = slice_head(slice_text(why.text), CONTROL_SENTENCE_MAX),
    };
    return control_send(c->control, CONTROL_LINK, &control_link_schema, &link, fd, e);
}

/* ── the role's end ── */

bool role_take_link(struct role *r, struct ipc_packet *p, struct arena *arena, struct error *e)
{
    struct control_link link;

    if (!control_read(p, &control_link_schema, arena, &link, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&r->lock);
    if (link.number == r->link.number && !r->link.answered) { /* otherwise nobody waits any more */
        r->link.answered = true;
        r->link.fd = TAKE(p->fd, -1);
        r->link.failed = link.failed ? (enum error_kind)link.failed : ERROR_NONE;
        (void)snprintf(r->link.reason, sizeof(r->link.reason), "%.*s", SLICE_ARG(link.reason));
        (void)pthread_cond_broadcast(&r->changed);
    }
    (void)pthread_mutex_unlock(&r->lock);
    return true;
}

/* Until `ms` of the steady clock, as the wall clock says it, which is the condition's. */
static struct timespec until(int64_t ms)
{
    int64_t left = ms - clock_steady_ms();
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    left = left < 0 ? 0 : left;
    t.tv_sec += left / 1000;
    t.tv_nsec += left % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* Under the lock. */
static bool await_link(struct role *r, int64_t deadline_ms, int *fd, struct error *e)
{
    const struct timespec end = until(deadline_ms);

    while (!r->link.answered && !atomic_load(&r->stopping)) {
        if (pthread_cond_timedwait(&r->changed, &r->lock, &end) == ETIMEDOUT) {
            break;
        }
    }
    if (!r->link.answered) {
        r->link.answered = true; /* what comes yet is for nobody */
        return error_set(e, ERROR_BUSY, "the supervisor made no connection in time");
    }
    if (r->link.fd < 0) {
        return error_set(e, r->link.failed ? r->link.failed : ERROR_BUSY, "%s", r->link.reason);
    }
    *fd = TAKE(r->link.fd, -1);
    return true;
}

bool role_link(struct role *r, enum link_place place, int64_t deadline_ms, int *fd, struct error *e)
{
    (void)pthread_mutex_lock(&r->link.lock); /* one question at a time: each takes microseconds */
    (void)pthread_mutex_lock(&r->lock);
    r->link.number++;
    r->link.answered = false;
    r->link.fd = -1;
    const struct control_want want = {r->link.number, place};
    (void)pthread_mutex_unlock(&r->lock);
    bool ok = control_send(r->control, CONTROL_WANT, &control_want_schema, &want, -1, e);
    (void)pthread_mutex_lock(&r->lock);
    ok = ok && await_link(r, deadline_ms, fd, e);
    (void)pthread_mutex_unlock(&r->lock);
    (void)pthread_mutex_unlock(&r->link.lock);
    return ok;
}
