#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "base/log.h"

#include "host/process.h"
#include "host/thread.h"
#include "processes/internal.h"
#include "processes/roles.h"
#include "processes/settings_files.h"

#define FILES_MAX 65536 /* open descriptors: thousands of connections */
#define TASKS_MAX 16384 /* of one uid: a thread for each connection, 64 inspectors */
/* A disk that fails is an event for each letter; the supervisor ends who says so much. */
#define ALERT_QUIET_MS 1000
#define CREATED_MASK   027 /* files are for their owner, readable by the directory's group */

const struct role_row *role_find(const char *name)
{
    for (size_t i = 0; i < role_rows_count; i++) {
        if (strcmp(role_rows[i].name, name) == 0) {
            return &role_rows[i];
        }
    }
    return NULL;
}

const struct settings *role_settings(struct role *r)
{
    return &atomic_load(&r->now)->settings;
}

struct slice role_config(struct role *r)
{
    return atomic_load(&r->now)->config;
}

unsigned role_instance(struct role *r)
{
    return r->instance;
}

const struct secret *role_key(struct role *r, const char *label)
{
    for (size_t i = 0; i < ROLE_KEYS_MAX && r->keys[i]; i++) {
        if (strcmp(r->row->keys[i], label) == 0) {
            return r->keys[i];
        }
    }
    arena_panic("a role wants a key that its row does not name");
}

const struct role_master *role_master(struct role *r)
{
    return &r->master;
}

static size_t find_directory(struct role *r, const char *name)
{
    for (size_t i = 0; i < ROLE_DIRECTORIES_MAX && r->row->directories[i].name; i++) {
        if (strcmp(r->row->directories[i].name, name) == 0) {
            return i;
        }
    }
    arena_panic("a role wants a directory that its row does not name");
}

int role_directory(struct role *r, const char *name)
{
    return r->directories[find_directory(r, name)].fd;
}

const char *role_path(struct role *r, const char *name)
{
    return r->directories[find_directory(r, name)].path;
}

static struct slice file_in(const struct role *r, const struct role_snapshot *s, const char *name)
{
    for (size_t i = 0; i < ROLE_FILES_MAX && r->row->files[i].name; i++) {
        if (strcmp(r->row->files[i].name, name) == 0) {
            return s->files[i];
        }
    }
    arena_panic("a role wants a file that its row does not name");
}

struct slice role_file(struct role *r, const char *name)
{
    return file_in(r, atomic_load(&r->now), name);
}

struct slice role_file_of(const struct role *r, const struct settings *settings, const char *name,
                          size_t nth)
{
    const uint8_t *inside = (const uint8_t *)settings;
    const struct role_snapshot *s =
        (const void *)(inside - offsetof(struct role_snapshot, settings));

    return settings_file_in(file_in(r, s, name), nth);
}

int role_socket(struct role *r, const char *name, size_t nth)
{
    for (size_t i = 0; i < r->n_sockets; i++) {
        if (strcmp(r->sockets[i].name, name) == 0 && nth-- == 0) {
            return r->sockets[i].fd;
        }
    }
    return -1;
}

struct ipc_pool *role_pool(struct role *r, const char *peer)
{
    for (size_t i = 0; i < ROLE_ASKS_MAX && r->pools[i]; i++) {
        if (strcmp(r->row->asks[i].role, peer) == 0) {
            return r->pools[i];
        }
    }
    arena_panic("a role wants to ask one that its row does not name");
}

/* One channel's thread. */
struct serving {
    struct role *role;
    struct ipc_server *server;
    const char *peer;
    int fd;
    bool visitor;
};

static void serve(void *argument)
{
    struct serving s = *(struct serving *)argument;
    struct error e;

    free(argument);
    if (s.server->background) {
        thread_background();
    }
    if (!ipc_serve(s.server, s.fd, &e)) {
        log_event(LOG_WARNING, "ipc.breach", LOG_TEXT("peer", s.peer), LOG_TEXT("reason", e.text));
    }
    (void)close(s.fd);
    if (s.visitor) {
        (void)atomic_fetch_sub(&s.role->visitors, 1);
    }
}

static void start_serving(struct serving s)
{
    struct serving *copy = malloc(sizeof(*copy));
    struct error e;

    if (!copy) {
        arena_panic("out of memory");
    }
    *copy = s;
    if (!thread_start(s.peer, THREAD_STACK_LARGE, serve, copy, &e)) {
        log_event(LOG_ERROR, "ipc.unserved", LOG_TEXT("peer", s.peer), LOG_TEXT("reason", e.text));
        free(copy);
        (void)close(s.fd);
        (void)atomic_fetch_sub(&s.role->visitors, s.visitor ? 1 : 0);
    }
}

void role_add_channel(struct role *r, const char *peer, int fd)
{
    struct ipc_server *server = NULL;

    (void)pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->n_servers; i++) {
        if (strcmp(r->servers[i].peer, peer) == 0) {
            server = r->servers[i].server;
        }
    }
    if (!server && r->n_unserved < ROLE_UNSERVED_MAX) {
        r->unserved[r->n_unserved].peer = peer;
        r->unserved[r->n_unserved++].fd = TAKE(fd, -1);
        (void)pthread_cond_broadcast(&r->changed);
    }
    (void)pthread_mutex_unlock(&r->lock);
    if (server) {
        start_serving((struct serving){r, server, peer, fd, false});
    } else {
        own_fd(&fd);
    }
}

void role_serve(struct role *r, const char *peer, struct ipc_server *server)
{
    int channels[ROLE_UNSERVED_MAX];
    size_t n = 0;
    size_t kept = 0;

    (void)pthread_mutex_lock(&r->lock);
    if (r->n_servers == ROLE_SERVES_MAX) {
        arena_panic("a role serves too many others");
    }
    r->servers[r->n_servers].peer = peer;
    r->servers[r->n_servers++].server = server;
    for (size_t i = 0; i < r->n_unserved; i++) {
        if (strcmp(r->unserved[i].peer, peer) == 0) {
            channels[n++] = r->unserved[i].fd;
        } else {
            r->unserved[kept++] = r->unserved[i];
        }
    }
    r->n_unserved = kept;
    (void)pthread_mutex_unlock(&r->lock);
    for (size_t i = 0; i < n; i++) {
        start_serving((struct serving){r, server, peer, channels[i], false});
    }
}

int role_next_channel(struct role *r, const char **peer)
{
    int fd = -1;

    (void)pthread_mutex_lock(&r->lock);
    while (r->n_unserved == 0 && !atomic_load(&r->stopping)) {
        (void)pthread_cond_wait(&r->changed, &r->lock);
    }
    if (!atomic_load(&r->stopping)) {
        *peer = r->unserved[0].peer;
        fd = r->unserved[0].fd;
        r->n_unserved--;
        (void)memmove(&r->unserved[0], &r->unserved[1], r->n_unserved * sizeof(r->unserved[0]));
    }
    (void)pthread_mutex_unlock(&r->lock);
    return fd;
}

void role_forked(struct role *r)
{
    own_fd(&r->control);
    own_fd(&r->stop_fd);
    r->control = r->stop_fd = -1;
    for (size_t i = 0; i < r->n_unserved; i++) {
        (void)close(r->unserved[i].fd);
    }
    r->n_unserved = 0;
}

/* Accept visitors for good. */
static void welcome(void *argument)
{
    struct serving s = *(struct serving *)argument;

    free(argument);
    for (;;) {
        int visitor = accept4(s.fd, NULL, NULL, SOCK_CLOEXEC);
        if (visitor < 0) {
            (void)usleep(errno == EMFILE || errno == ENFILE ? 100000 : 0);
            continue;
        }
        if (atomic_fetch_add(&s.role->visitors, 1) >= ROLE_VISITORS_MAX) {
            (void)atomic_fetch_sub(&s.role->visitors, 1);
            (void)close(visitor);
            continue;
        }
        start_serving((struct serving){s.role, s.server, s.peer, visitor, true});
    }
}

bool role_serve_socket(struct role *r, const char *name, struct ipc_server *server, struct error *e)
{
    struct serving *s = malloc(sizeof(*s));

    if (!s) {
        arena_panic("out of memory");
    }
    *s = (struct serving){r, server, name, role_socket(r, name, 0), true};
    if (s->fd < 0 || !thread_start(name, THREAD_STACK_SMALL, welcome, s, e)) {
        bool missing = s->fd < 0;
        free(s);
        return missing ? error_set(e, ERROR_CONFIG, "no socket %s was handed over", name) : false;
    }
    return true;
}

void role_ready(struct role *r)
{
    struct error e;

    if (!control_send(r->control, CONTROL_READY, NULL, NULL, -1, &e)) {
        log_event(LOG_ERROR, "control.failed", LOG_TEXT("reason", e.text));
    }
}

void role_on_reload(struct role *r, void (*reloaded)(void *argument), void *argument)
{
    (void)pthread_mutex_lock(&r->lock);
    r->reloaded = reloaded;
    r->reloaded_argument = argument;
    (void)pthread_mutex_unlock(&r->lock);
}

void role_on_alert(struct role *r,
                   void (*told)(void *argument, struct slice from, struct slice event,
                                struct slice sentence),
                   void *argument)
{
    (void)pthread_mutex_lock(&r->lock);
    r->told = told;
    r->told_argument = argument;
    (void)pthread_mutex_unlock(&r->lock);
}

bool role_stopping(struct role *r)
{
    return atomic_load(&r->stopping);
}

void role_wait(struct role *r)
{
    (void)pthread_mutex_lock(&r->lock);
    while (!atomic_load(&r->stopping)) {
        (void)pthread_cond_wait(&r->changed, &r->lock);
    }
    (void)pthread_mutex_unlock(&r->lock);
}

int role_stop_fd(struct role *r)
{
    return r->stop_fd;
}

void role_alert(struct role *r, const char *event, const char *sentence)
{
    struct control_alert alert = {
        slice_head(slice_text(event), CONTROL_NAME_MAX),
        slice_head(slice_text(sentence), CONTROL_SENTENCE_MAX),
    };
    char masked[ERROR_TEXT_MAX];
    char own[ALERTS_EVENT_MAX];
    struct error e;

    alerts_own(own, "", event, alert.sentence);
    (void)pthread_mutex_lock(&r->lock);
    bool due = alerts_due(&r->alerts, own, ALERT_QUIET_MS);
    (void)pthread_mutex_unlock(&r->lock);
    if (!due) {
        return;
    }
    if (!control_send(r->control, CONTROL_ALERT, &control_alert_schema, &alert, -1, &e)) {
        log_event(LOG_ERROR, event, LOG_SLICE("reason", alerts_for_log(alert.sentence, masked)));
    }
}

static void prepare_paths(struct role *r)
{
    const char *prefix = r->root >= 0 && r->uid != 0 ? "" : r->data;

    for (size_t i = 0; i < ROLE_DIRECTORIES_MAX && r->row->directories[i].name; i++) {
        if (asprintf(&r->directories[i].path, "%s/%s", prefix, r->row->directories[i].name) < 0) {
            arena_panic("out of memory");
        }
    }
}

static bool enter(struct role *r, struct error *e)
{
    struct sandbox s = {
        .groups = r->row->sandbox,
        .uid = r->uid,
        .gid = r->gid,
        .root = r->root,
        .parent = r->parent,
        .best_effort = role_settings(r)->process.sandbox == SETTING_SANDBOX_BEST_EFFORT,
        .memory_max = r->row->memory_max,
        .files_max = FILES_MAX,
        .tasks_max = TASKS_MAX,
    };

    for (size_t i = 0; i < ROLE_DIRECTORIES_MAX && r->row->directories[i].name; i++) {
        if (r->directories[i].fd < 0) {
            continue; /* outside, and not there */
        }
        s.paths[s.n_paths].fd = r->directories[i].fd;
        s.paths[s.n_paths++].rights =
            r->row->directories[i].rights == ROLE_WRITE ? SANDBOX_WRITE : SANDBOX_READ;
    }
    return sandbox_enter(&s, e);
}

static bool live(struct role *r, struct error *e)
{
    if (!role_receive_setup(r, e)) {
        return false;
    }
    log_open(r->row->name, (enum log_level)role_settings(r)->general.log_level);
    prepare_paths(r);
    for (size_t i = 0; i < ROLE_ASKS_MAX && r->row->asks[i].role; i++) {
        r->pools[i] = ipc_pool_new(r->row->asks[i].role);
    }
    if (r->duty->prepare && !r->duty->prepare(r, e)) {
        return error_add(e, "prepare");
    }
    int abi = sandbox_landlock_abi(); /* cannot be asked from inside */
    if (!enter(r, e)) {
        return false;
    }
    if (r->root >= 0) {
        (void)close(r->root);
        r->root = -1;
    }
    if (abi == 0) {
        role_alert(r, "sandbox-incomplete",
                   "this kernel has no landlock: files and network are "
                   "confined by user ids and system calls alone");
    }
    return thread_start("control", THREAD_STACK_LARGE, role_obey, r, e) && r->duty->run(r, e);
}

static const struct role_duty *find_duty(const char *name, const struct role_duty *duties)
{
    while (duties->role && strcmp(duties->role, name) != 0) {
        duties++;
    }
    return duties->role ? duties : NULL;
}

int role_main(const char *name, const struct role_duty *duties)
{
    static struct role r; /* other threads look at it until the very end */
    const struct role_row *row = role_find(name);
    const struct role_duty *duty = find_duty(name, duties);
    struct error e = {0};

    if (!row || !duty) {
        (void)fprintf(stderr, "there is no role %s here\n", name);
        return EX_USAGE;
    }

    sandbox_close_others(PROCESS_CHANNEL + 1);
    (void)umask(CREATED_MASK);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_NAME, row->name);
    log_open(row->name, LOG_INFO);
    r = (struct role){
        .row = row, .duty = duty, .control = PROCESS_CHANNEL, .parent = getppid(), .root = -1};
    for (size_t i = 0; i < ROLE_DIRECTORIES_MAX; i++) {
        r.directories[i].fd = -1;
    }
    (void)pthread_mutex_init(&r.lock, NULL);
    (void)pthread_mutex_init(&r.link.lock, NULL);
    (void)pthread_cond_init(&r.changed, NULL);
    r.stop_fd = eventfd(0, EFD_CLOEXEC);
    if (!live(&r, &e)) {
        log_event(LOG_ERROR, "process.failed", LOG_TEXT("reason", e.text));
    }
    /* Threads are still at work: nothing is torn down under them. */
    _exit(error_exit_code(&e));
}
