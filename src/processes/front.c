#include "processes/front.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/thread.h"
#include "processes/roles.h"

#define SOCKETS_MAX 64
#define FINISH_MS   25000  /* for letters in hand; the supervisor waits 30 s */
#define NO_ROOM_US  100000 /* pause when the system has no descriptor left */
#define KEY_WAIT_MS 5000
#define KEY_LOOK_US 20000

struct listener {
    struct role *role;
    struct submission *submission;
    const char *clients;
    struct pollfd polled[SOCKETS_MAX + 1];
    bool implicit_tls[SOCKETS_MAX];
    nfds_t count;
    pthread_mutex_t reloading;
};

static struct slice clients_of(const struct listener *l)
{
    return l->clients ? role_file(l->role, l->clients) : SLICE_NONE;
}

/* Signer and we hear of a reload at different moments, so a new certificate may have to wait a
 * little for its key. */
static void reload(void *argument)
{
    struct listener *l = argument;
    int64_t give_up_ms = clock_steady_ms() + KEY_WAIT_MS;
    struct error e;

    (void)pthread_mutex_lock(&l->reloading);
    struct slice chain = role_file(l->role, "tls-certificate");
    struct slice clients = clients_of(l);
    bool done = submission_use_certificate(l->submission, chain, clients, &e);
    while (!done && clock_steady_ms() < give_up_ms) {
        (void)usleep(KEY_LOOK_US);
        done = submission_use_certificate(l->submission, chain, clients, &e);
    }
    if (done) {
        log_event(LOG_INFO, "certificate.loaded", LOG_NUMBER("bytes", chain.len));
    } else {
        log_event(LOG_ERROR, "certificate.refused", LOG_TEXT("reason", e.text));
        role_alert(l->role, "certificate-refused", e.text);
    }
    (void)pthread_mutex_unlock(&l->reloading);
}

static void on_reload(void *argument)
{
    struct error e;

    if (!thread_start("reload", THREAD_STACK_LARGE, reload, argument, &e)) {
        log_event(LOG_ERROR, "certificate.refused", LOG_TEXT("reason", e.text));
    }
}

static void collect_sockets(struct listener *l, const char *name, bool implicit_tls)
{
    int fd = -1;

    for (size_t n = 0; l->count < SOCKETS_MAX && (fd = role_socket(l->role, name, n)) >= 0; n++) {
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        l->implicit_tls[l->count] = implicit_tls;
        l->polled[l->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
}

/* The client may have gone again since poll() saw it: then there is nobody to take. */
static void take_waiting(struct listener *l, nfds_t i)
{
    int fd = accept4(l->polled[i].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0) {
        submission_take(l->submission, fd, l->implicit_tls[i]);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        log_event(LOG_ERROR, "session.no_descriptor", LOG_NUMBER("errno", errno));
        (void)usleep(NO_ROOM_US);
    }
}

static void listen_until_stop(struct listener *l)
{
    l->polled[l->count] = (struct pollfd){.fd = role_stop_fd(l->role), .events = POLLIN};
    while (!role_stopping(l->role)) {
        if (poll(l->polled, l->count + 1, -1) < 0) {
            continue;
        }
        for (nfds_t i = 0; i < l->count; i++) {
            if (l->polled[i].revents) {
                take_waiting(l, i);
            }
        }
    }
}

bool front_run(struct role *r, const struct submission_options *options, const char *implicit,
               const char *starttls, const char *clients, struct error *e)
{
    static struct listener l; /* the reload's thread looks at it until the very end */

    l.role = r;
    l.clients = clients;
    (void)pthread_mutex_init(&l.reloading, NULL);
    l.submission = submission_new(options);
    if (implicit) {
        collect_sockets(&l, implicit, true);
    }
    collect_sockets(&l, starttls, false);
    role_on_reload(r, on_reload, &l);
    role_ready(r); /* the signer can be asked from here on */
    if (!submission_use_certificate(l.submission, role_file(r, "tls-certificate"), clients_of(&l),
                                    e)) {
        return error_add(e, "tls-certificate");
    }
    listen_until_stop(&l);
    size_t left = submission_wait(l.submission, clock_steady_ms() + FINISH_MS);
    if (left) {
        log_event(LOG_WARNING, "session.cut", LOG_NUMBER("sessions", left));
    }
    return true;
}

bool front_run_door(struct role *r, const struct submission_door *door, bool open,
                    const char *starttls, const char *clients, struct error *e)
{
    const struct submission_options options = {
        .settings = front_settings,
        .context = r,
        .keeper = role_pool(r, "keeper"),
        .signer = role_pool(r, "signer"),
        .stop_fd = role_stop_fd(r),
        .door = door,
    };

    if (!open) {
        role_ready(r);
        role_wait(r);
        return true;
    }
    return front_run(r, &options, NULL, starttls, clients, e);
}

const struct settings *front_settings(void *role)
{
    return role_settings(role);
}
