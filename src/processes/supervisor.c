#include "processes/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/process.h"
#include "processes/adoption.h"
#include "processes/alarm_ways.h"
#include "processes/alerts.h"
#include "processes/child.h"
#include "processes/control.h"
#include "processes/links.h"
#include "processes/privileges.h"
#include "processes/provision.h"
#include "processes/role.h"
#include "processes/stopping.h"
#include "processes/telling.h"

#define CHILDREN_MAX 96
#define PING_MS      20000 /* and files of sections are looked at */
#define KILLED_MS    100

static struct supervisor {
    struct provision *provision;
    struct alerts alerts;
    struct alarm_ways ways;
    struct telling telling;
    struct child children[CHILDREN_MAX]; /* in the order of starting */
    size_t n_children;
    size_t n_released; /* the first so many may be started: those before them were ready once */
    bool announced;    /* all were at work once */
    int exit_code;
    bool stopping;
    bool reloading; /* not every process has taken the settings that were read last */
    struct stopping end;
    struct adoption adoption;
    int64_t ping_at;
    struct arena arena;
} self;

static const struct settings *settings(void)
{
    return provision_settings(self.provision);
}

/* systemd's notification protocol (sd_notify(3)): one datagram. */
static void notify(const char *state)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path ? strlen(path) : 0;

    if (len == 0 || len >= sizeof(to.sun_path)) {
        return;
    }
    (void)memcpy(to.sun_path, path, len);
    if (to.sun_path[0] == '@') {
        to.sun_path[0] = '\0';
    }
    OWN(fd) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (fd >= 0) {
        (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, to_len);
    }
}

/* A role that starts may ask at once whoever is at work: it may need the answers to get ready. */
static void let_ask_others(struct child *c)
{
    for (size_t i = 0; i < self.n_children && c->state == CHILD_STARTING; i++) {
        struct child *other = &self.children[i];
        if (other != c && other->state == CHILD_UP) {
            child_join(c, other);
        }
    }
}

/* Who is at work is asked by the others, those that are starting among them. */
static void let_be_asked(struct child *c)
{
    for (size_t i = 0; i < self.n_children && c->state == CHILD_UP; i++) {
        struct child *other = &self.children[i];
        if (other != c && (other->state == CHILD_UP || other->state == CHILD_STARTING)) {
            child_join(other, c);
        }
    }
}

static void start_due(void)
{
    int64_t now = clock_steady_ms();

    for (size_t i = 0; i < self.n_released && !self.stopping; i++) {
        struct child *c = &self.children[i];
        struct error e;
        if (c->state != CHILD_DOWN || c->restart_at > now || adoption_holds(&self.adoption, c)) {
            continue;
        }
        if (!child_start(c, self.provision, &e)) {
            log_event(LOG_ERROR, "process.not_started", LOG_TEXT("process", c->row->name),
                      LOG_TEXT("reason", e.text));
            c->restart_at = now + settings()->process.restart_delay_max_ms;
            continue;
        }
        let_ask_others(c);
    }
}

/* A role is at work: join it with the others, and let those start that come after it. */
static void on_ready(struct child *c)
{
    if (c->state != CHILD_STARTING) {
        return;
    }
    c->state = CHILD_UP;
    log_event(LOG_INFO, "process.ready", LOG_TEXT("process", c->row->name),
              LOG_NUMBER("pid", c->pid), LOG_NUMBER("ms", clock_steady_ms() - c->started_at));
    let_be_asked(c);
    while (self.n_released < self.n_children &&
           self.children[self.n_released - 1].state == CHILD_UP) {
        self.n_released++;
        start_due();
    }
    if (!self.announced && self.children[self.n_children - 1].state == CHILD_UP) {
        self.announced = true;
        notify("READY=1");
        log_event(LOG_INFO, "posternd.ready", LOG_NUMBER("processes", self.n_children));
    }
}

/* Whoever tells alarms outside is told, if it is at work: what says nothing to `alert-command` says
 * nothing there either. */
static void raise_alarm(const char *role, struct slice event, struct slice sentence)
{
    const struct control_tell tell = {slice_text(role), slice_head(event, CONTROL_NAME_MAX),
                                      slice_head(sentence, CONTROL_SENTENCE_MAX)};

    if (!alerts_raise(&self.alerts, &settings()->general, role, event, sentence)) {
        return;
    }
    alarm_ways_began(&self.ways, self.alerts.program, &tell);
    if (settings()->general.alert_webhook.len) {
        alarm_ways_tell(self.children, self.n_children, &tell);
    }
}

/* Only who was to tell it says so. */
static void on_told(struct child *c, const struct ipc_packet *p)
{
    struct control_told told;
    struct error e;

    if (!c->row->tells || !control_read(p, &control_told_schema, &self.arena, &told, &e)) {
        (void)error_set(&e, ERROR_DENIED, "it tells no alarms");
        child_give_up(c, "hearing what became of an alarm", &e);
        return;
    }
    alarm_ways_told(self.children, self.n_children, &told);
}

static void on_alert(struct child *c, const struct ipc_packet *p)
{
    struct control_alert alert;
    struct error e;

    if (!control_read(p, &control_alert_schema, &self.arena, &alert, &e)) {
        child_give_up(c, "reading its alert", &e);
        return;
    }
    raise_alarm(c->row->name, alert.event, alert.sentence);
}

static void on_message(struct child *c, const struct ipc_packet *p)
{
    struct error e;

    switch (child_hear(c, p->verb)) {
    case CHILD_IGNORED:
        return;
    case CHILD_NOISY:
        (void)error_set(&e, ERROR_DENIED, "it says too much");
        child_give_up(c, "listening", &e);
        return;
    case CHILD_HEARD:
        break;
    }
    if (p->verb == CONTROL_READY) {
        on_ready(c);
    } else if (p->verb == CONTROL_ALIVE) {
        child_alive(c);
    } else if (p->verb == CONTROL_ALERT) {
        on_alert(c, p);
    } else if (p->verb == CONTROL_WANT && !links_answer(c, p, settings(), &self.arena, &e)) {
        child_give_up(c, "connecting it", &e);
    } else if (p->verb == CONTROL_RUN &&
               !telling_begin(&self.telling, c, p, &settings()->documents, &self.arena, &e)) {
        child_give_up(c, "running a program for it", &e);
    } else if (p->verb == CONTROL_TOLD) {
        on_told(c, p);
    }
}

static void on_packet(struct child *c)
{
    struct ipc_packet p = {.fd = -1};
    struct error e;

    arena_reset(&self.arena);
    enum packet_result got = packet_receive(c->control, &self.arena, &p, &e);
    if (got == PACKET_CLOSED || got == PACKET_BROKEN) {
        own_fd(&c->control);
        c->control = -1;
        if (got == PACKET_BROKEN) {
            child_give_up(c, "listening", &e);
        }
        child_end(c, SIGKILL); /* it ends by itself, or has hung up and must not live on */
        return;
    }
    if (got != PACKET_RECEIVED) {
        return;
    }
    own_fd(&p.fd);
    on_message(c, &p);
}

static void begin_stopping(int sig)
{
    if (self.stopping) {
        self.end.hurry = true;
        self.end.give_up = 0;
        return;
    }
    self.stopping = true;
    stopping_begin(&self.end, true);
    notify("STOPPING=1");
    log_event(LOG_INFO, "posternd.stopping", LOG_NUMBER("signal", sig)); /* 0: by ourselves */
}

/* Before all processes were at work once, what only a person can change ends us too: whoever started
 * us sees it at once, and not a daemon that tries in vain. */
static void give_up_starting(const struct child *c, int status)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    struct error config = {.kind = ERROR_CONFIG};
    struct error corrupt = {.kind = ERROR_CORRUPT};

    if (self.announced || self.stopping ||
        (code != error_exit_code(&config) && code != error_exit_code(&corrupt))) {
        return;
    }
    log_event(LOG_ERROR, "posternd.failed", LOG_TEXT("process", c->row->name),
              LOG_TEXT("reason", "its last line says what must be changed"));
    self.exit_code = code;
    begin_stopping(0);
}

static void on_death(struct child *c, int status)
{
    char how[PROCESS_TEXT_MAX];
    char sentence[ERROR_TEXT_MAX];

    process_status_text(status, how);
    if (child_ended(c, how, &settings()->process) && !self.stopping) {
        int n = snprintf(sentence, sizeof(sentence), "%s dies again and again; now it was %s",
                         c->row->name, how);
        raise_alarm("supervisor", SLICE("restart-loop"), slice_of(sentence, (size_t)n));
    }
    give_up_starting(c, status);
}

static void reap(void)
{
    pid_t pid = 0;
    int status = 0;

    while (process_reap(&pid, &status)) {
        alarm_ways_ended(&self.ways, pid, status, self.children, self.n_children);
        telling_ended(&self.telling, pid, status, self.children, self.n_children);
        for (size_t i = 0; i < self.n_children; i++) {
            if (self.children[i].pid == pid) {
                on_death(&self.children[i], status);
            }
        }
    }
}

static void reload(void)
{
    struct error e;

    if (!provision_reload(self.provision, &e)) {
        log_event(LOG_ERROR, "config.refused", LOG_TEXT("reason", e.text));
        raise_alarm("supervisor", SLICE("config-refused"), slice_text(e.text));
        return;
    }
    log_set_level((enum log_level)settings()->general.log_level);
    for (size_t i = 0; i < self.n_children; i++) {
        struct child *c = &self.children[i];
        if (c->state == CHILD_UP || c->state == CHILD_STARTING) {
            child_reload(c, self.provision);
        }
    }
    self.reloading = true;
}

/* It is said when it is true: every process works with the new settings. */
static void say_reloaded(void)
{
    for (size_t i = 0; self.reloading && i < self.n_children; i++) {
        if (!child_reloaded(&self.children[i])) {
            return;
        }
    }
    if (self.reloading) {
        self.reloading = false;
        log_event(LOG_INFO, "config.reloaded", LOG_TEXT("from", "SIGHUP"));
    }
}

/* Whatever renews a token just replaces its file. */
static void renew(struct child *c)
{
    struct error e;

    if (provision_renew(self.provision, c->row) &&
        !provision_regive(self.provision, c->row, c->control, &e)) {
        child_give_up(c, "reloading", &e);
    }
}

static void ping_due(void)
{
    int64_t now = clock_steady_ms();

    if (now < self.ping_at) {
        return;
    }
    self.ping_at = now + PING_MS;
    if (adoption_is_missing(&self.adoption, self.provision)) {
        raise_alarm("supervisor", SLICE("key-not-in-force"),
                    SLICE("master.key was changed, and posternd works with the one before: run "
                          "`postern key adopt`, or restart it"));
    }
    for (size_t i = 0; i < self.n_children; i++) {
        if (self.children[i].state == CHILD_UP) {
            child_ping(&self.children[i]);
            renew(&self.children[i]);
        }
    }
}

static void on_signal(int signals)
{
    struct signalfd_siginfo info;

    while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
            begin_stopping((int)info.ssi_signo);
        } else if (info.ssi_signo == SIGHUP && !self.stopping) {
            reload();
        }
    }
    reap();
}

static int until_next_event(void)
{
    int64_t now = clock_steady_ms();
    int64_t next = self.stopping ? self.end.give_up : adoption_next(&self.adoption, self.ping_at);

    for (size_t i = 0; i < self.n_released && !self.stopping; i++) {
        const struct child *c = &self.children[i];
        if (c->state == CHILD_DOWN && c->restart_at < next && !adoption_holds(&self.adoption, c)) {
            next = c->restart_at;
        }
    }
    next = telling_watch(&self.telling, next);
    if (self.stopping && next <= now) {
        return KILLED_MS; /* whoever was to be killed has been */
    }
    return next <= now ? 0 : (int)(next - now);
}

static void wait_for_events(int signals)
{
    struct pollfd fds[2 * CHILDREN_MAX + 2];
    struct pollfd *said = fds + self.n_children;
    struct pollfd *signalled = said + self.n_children;

    for (size_t i = 0; i < self.n_children; i++) {
        fds[i] = (struct pollfd){.fd = self.children[i].control, .events = POLLIN};
        said[i] = (struct pollfd){.fd = self.children[i].output.fd, .events = POLLIN};
    }
    struct pollfd *told = signalled + 1;
    *signalled = (struct pollfd){.fd = signals, .events = POLLIN};
    *told = (struct pollfd){.fd = adoption_fd(&self.adoption), .events = POLLIN};
    if (poll(fds, 2 * self.n_children + 2, until_next_event()) <= 0) {
        return;
    }
    for (size_t i = 0; i < self.n_children; i++) {
        struct child *c = &self.children[i];
        if (said[i].revents && !output_pass(&c->output, c->row->name)) {
            output_close(&c->output, c->row->name); /* it ended, or closed what it had */
        }
        if (fds[i].revents && c->control == fds[i].fd) {
            on_packet(c);
        }
    }
    if (signalled->revents) {
        on_signal(signals);
    }
    if (told->revents) {
        adoption_hear(&self.adoption, self.provision, self.children, self.n_children,
                      self.announced && !self.stopping, &self.arena);
    }
}

static void plan_children(void)
{
    for (size_t i = 0; i < role_rows_count; i++) {
        size_t n = role_rows[i].many ? (size_t)settings()->process.inspectors : 1;
        for (size_t k = 0; k < n && self.n_children < CHILDREN_MAX; k++) {
            self.children[self.n_children++] = (struct child){
                .row = &role_rows[i], .instance = (unsigned)k, .control = -1, .output = {.fd = -1}};
        }
    }
    self.n_released = 1;
}

static int open_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int supervisor_main(const char *config_path, int passphrase_fd)
{
    struct error e = {0};

    log_open("supervisor", LOG_INFO);
    self.provision = provision_open(config_path, passphrase_fd, &e);
    if (!self.provision || !privileges_drop(&e)) {
        log_event(LOG_ERROR, "posternd.failed", LOG_TEXT("reason", e.text));
        return error_exit_code(&e);
    }
    log_open("supervisor", (enum log_level)settings()->general.log_level);
    int signals = open_signals();
    arena_init(&self.arena, CONTROL_ARENA_MAX);
    self.ping_at = clock_steady_ms() + PING_MS;
    adoption_init(&self.adoption, provision_adoption_socket(self.provision));
    plan_children();
    for (;;) {
        if (self.stopping) {
            if (!stopping_step(&self.end, self.children, self.n_children)) {
                break;
            }
        } else {
            adoption_step(&self.adoption, self.children, self.n_children);
            start_due();
            ping_due();
            say_reloaded();
        }
        wait_for_events(signals);
    }
    log_event(LOG_INFO, "posternd.stopped", LOG_NUMBER("processes", self.n_children));
    return self.exit_code;
}
