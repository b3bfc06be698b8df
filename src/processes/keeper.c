/* The process that writes: the keeper (keeper/keeper.h) behind its channels and its two sockets. */
#include "keeper/keeper.h"

#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"

#include "host/thread.h"
#include "keeper/callers.h"
#include "keeper/drills.h"
#include "processes/role_told.h"
#include "processes/roles.h"
#include "processes/telling.h"

#define METRICS_MAX     ((size_t)256 << 10)
#define METRICS_WAIT_MS 5000
#define KEPT_BLOCK      (8 << 20) /* larger blocks are returned to the kernel when they are freed */
#define KEPT_FREE       (8 << 20) /* free bytes at the end of each malloc arena */
#define ARENAS          8

static const struct settings *settings_of(void *role)
{
    return role_settings(role);
}

static void alert(void *role, const char *event, const char *sentence)
{
    role_alert(role, event, sentence);
}

static void on_told(void *keeper, struct slice event, struct slice way, struct slice sentence,
                    bool done)
{
    keeper_alarm_told(keeper, event, way, sentence, done);
}

static enum secret_told tell_secret(void *role, struct slice telephone, struct slice password,
                                    struct slice letter)
{
    return role_tell(role, telephone, password, letter);
}

static struct slice timestamp_trust(void *role)
{
    return role_file(role, "timestamp-trust");
}

static struct slice smime_trust(void *role)
{
    return role_file(role, "smime-trust");
}

static const char *path_in(struct role *r, const char *directory, const char *file)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s", role_path(r, directory), file) < 0) {
        arena_panic("out of memory");
    }
    return path; /* lives as long as the process */
}

static struct keeper_master master_of(struct role *r)
{
    const struct role_master *m = role_master(r);
    char *by = NULL;

    if (asprintf(&by, "uid %u", m->owner) < 0) {
        arena_panic("out of memory");
    }
    return (struct keeper_master){m->generation, m->kept, m->since_ms, m->formers, slice_text(by)};
}

static bool open_keeper(struct role *r, struct keeper **k, struct error *e)
{
    const struct keeper_options options = {
        .settings = settings_of,
        .alert = alert,
        .context = r,
        .ledger_directory = role_directory(r, "ledger"),
        .record_keys = role_directory(r, "record-keys"),
        .ledger_path = role_path(r, "ledger"),
        .catalog_path = path_in(r, "catalog", "catalog.db"),
        .search_path = path_in(r, "catalog", "search.db"),
        .state_path = path_in(r, "state", "state.db"),
        .ledger_key = role_key(r, "ledger"),
        .state_key = role_key(r, "state"),
        .search_key = role_key(r, "search"),
        .master = master_of(r),
        .auth = role_pool(r, "auth"),
        .signer = role_pool(r, "signer"),
        .inspector = role_pool(r, "inspector"),
        .courier = role_pool(r, "courier"),
        .scanner = role_pool(r, "scanner"),
        .directory = role_pool(r, "directory"),
        .timestamp_trust = timestamp_trust,
        .smime_trust = smime_trust,
        .tell_secret = tell_secret,
    };

    return keeper_open(&options, k, e);
}

/* ── delivery: one life for each process ── */

/* What one channel's thread gets. */
struct courier_channel {
    struct ipc_server server;
    struct keeper_courier courier;
    int fd;
};

static void serve_courier(void *argument)
{
    struct courier_channel *c = argument;
    struct error e;

    if (!ipc_serve(&c->server, c->fd, &e)) {
        log_event(LOG_WARNING, "ipc.breach", LOG_TEXT("peer", "delivery"),
                  LOG_TEXT("reason", e.text));
    }
    (void)close(c->fd);
    free(c);
}

static void start_courier(struct keeper_courier courier, int fd)
{
    struct courier_channel *c = calloc(1, sizeof(*c));
    struct error e;

    if (!c) {
        arena_panic("out of memory");
    }
    c->courier = courier;
    c->fd = fd;
    ipc_server_init(&c->server, &keeper_delivery_table, &c->courier);
    if (!thread_start("delivery", THREAD_STACK_LARGE, serve_courier, c, &e)) {
        log_event(LOG_ERROR, "ipc.unserved", LOG_TEXT("peer", "delivery"),
                  LOG_TEXT("reason", e.text));
        (void)close(fd);
        free(c);
    }
}

/* All ends of a dead process's channels are closed before the supervisor starts the next one. */
static bool is_dead(int witness)
{
    struct pollfd p = {.fd = witness, .events = POLLIN};

    return witness < 0 || (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)));
}

/* Serve delivery's channels until the end: a channel that comes while the last process's first one
 * is hung up belongs to a new process. */
static void serve_couriers(struct role *r, struct keeper *k)
{
    struct keeper_courier courier = {.keeper = k};
    OWN(fd) int witness = -1;
    const char *peer = NULL;
    int fd = role_next_channel(r, &peer);

    while (fd >= 0) {
        if (is_dead(witness)) {
            own_fd(&witness);
            witness = dup(fd);
            courier.life = keeper_delivery_restarted(k);
        }
        start_courier(courier, fd);
        fd = role_next_channel(r, &peer);
    }
}

/* ── metrics ── */

struct metrics {
    struct keeper *keeper;
    int listening;
};

/* Answer whoever connects with the numbers of now: an HTTP/1.0 answer, whatever was asked, so that
 * a scraper and `nc -U` both read it. */
static void answer_metrics(struct keeper *k, int visitor)
{
    OWN(buf) struct buf body = {.max = METRICS_MAX};
    OWN(buf) struct buf head = {.max = METRICS_MAX};
    const struct timeval patience = {.tv_sec = METRICS_WAIT_MS / 1000};
    char question[4096];

    (void)setsockopt(visitor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(visitor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    bool http = recv(visitor, question, sizeof(question), 0) >= 4;
    keeper_metrics(k, &body);
    if (http) {
        buf_printf(&head,
                   "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   body.len);
    }
    buf_add(&head, buf_slice(&body));
    for (size_t sent = 0; sent < head.len;) {
        ssize_t n = send(visitor, head.ptr + sent, head.len - sent, MSG_NOSIGNAL);
        if (n <= 0) {
            return;
        }
        sent += (size_t)n;
    }
}

static void serve_metrics(void *argument)
{
    const struct metrics *m = argument;

    for (;;) {
        OWN(fd) int visitor = accept4(m->listening, NULL, NULL, SOCK_CLOEXEC);
        if (visitor < 0) {
            (void)usleep(100000);
            continue;
        }
        answer_metrics(m->keeper, visitor);
    }
}

/* Letters come and go by the thousand. Memory that goes back to the kernel after each comes again a page
 * fault at a time, which costs more than anything else that is done with a letter of a megabyte. */
static void keep_memory(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_FREE);
    (void)mallopt(M_ARENA_MAX, ARENAS);
}

bool keeper_run(struct role *r, struct error *e)
{
    static struct ipc_server submission;
    static struct ipc_server auth;
    static struct ipc_server reader;
    static struct ipc_server intake;
    static struct ipc_server pull;
    static struct ipc_server journal;
    static struct ipc_server connector;
    static struct ipc_server admin;
    static struct ipc_server backup;
    static struct metrics metrics;
    struct keeper *k = NULL;

    keep_memory();
    if (!open_keeper(r, &k, e)) {
        return false;
    }
    ipc_server_init(&submission, &keeper_submission_table, k);
    ipc_server_init(&auth, &keeper_auth_table, k);
    ipc_server_init(&reader, &keeper_reader_table, k);
    ipc_server_init(&intake, &keeper_intake_table, k);
    ipc_server_init(&pull, &keeper_pull_table, k);
    ipc_server_init(&journal, &keeper_journal_table, k);
    ipc_server_init(&connector, &keeper_connector_table, k);
    ipc_server_init(&admin, &keeper_admin_table, k);
    ipc_server_init(&backup, &keeper_backup_table, k);
    admin.gate = keeper_gate;
    metrics = (struct metrics){k, role_socket(r, "metrics", 0)};
    role_serve(r, "submission", &submission);
    role_serve(r, "auth", &auth);
    role_serve(r, "reader", &reader);
    role_serve(r, "intake", &intake);
    role_serve(r, "backup", &backup);
    role_serve(r, "pull", &pull);
    role_serve(r, "journal", &journal);
    role_serve(r, "connector", &connector);
    if (!role_serve_socket(r, "keeper", &admin, e) ||
        !thread_start("metrics", THREAD_STACK_SMALL, serve_metrics, &metrics, e)) {
        return false;
    }
    role_on_told(r, on_told, k);
    role_ready(r);
    serve_couriers(r, k);
    /* Nothing is closed under the threads that still answer: what was acknowledged is on disk, and
     * what was not comes again, as after a power cut. */
    return true;
}
