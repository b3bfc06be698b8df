#include "processes/lives.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/process.h"

#define SEND_MS       5000 /* for a life to take a question into its socket */
#define BIRTH_TRIES   20   /* the system may be short of processes for a moment */
#define BIRTH_WAIT_MS 50

void lives_init(struct lives *l, const struct lives_options *options)
{
    *l = (struct lives){.options = *options};
    for (size_t i = 0; i < LIVES_MAX; i++) {
        l->lives[i].fd = -1;
    }
}

/* End it, and say how it ended. It is our child until waited for, so the pid is nobody else's. */
static void end(struct life *life, char how[static PROCESS_TEXT_MAX])
{
    int status = 0;
    pid_t ended = 0;

    if (life->pid == 0) {
        return;
    }
    own_fd(&life->fd);
    (void)kill(life->pid, SIGKILL);
    do {
        ended = waitpid(life->pid, &status, 0);
    } while (ended < 0 && errno == EINTR);
    process_status_text(status, how);
    *life = (struct life){.fd = -1};
}

/* As end(), for one that hung up by itself: wait a moment for its own reason to die. */
static void end_gone(struct life *life, char how[static PROCESS_TEXT_MAX])
{
    siginfo_t info = {0};

    for (int i = 0; i < 100 && info.si_pid == 0; i++) {
        if (waitid(P_PID, (id_t)life->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
            break;
        }
        if (info.si_pid == 0) {
            (void)usleep(1000);
        }
    }
    end(life, how);
}

void lives_done(struct lives *l)
{
    char how[PROCESS_TEXT_MAX];

    for (size_t i = 0; i < LIVES_MAX; i++) {
        end(&l->lives[i], how);
    }
}

int lives_rest(struct lives *l)
{
    char how[PROCESS_TEXT_MAX];
    int64_t now = clock_steady_ms();
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < LIVES_MAX; i++) {
        struct life *life = &l->lives[i];
        if (life->pid != 0 && life->used_at + l->options.idle_ms <= now) {
            end(life, how);
        } else if (life->pid != 0 && life->used_at + l->options.idle_ms < next) {
            next = life->used_at + l->options.idle_ms;
        }
    }
    return next == INT64_MAX ? -1 : (int)(next - now);
}

void lives_forked(struct lives *l)
{
    for (size_t i = 0; i < LIVES_MAX; i++) {
        own_fd(&l->lives[i].fd);
        l->lives[i] = (struct life){.fd = -1};
    }
}

void lives_wipe(struct ipc_packet *p)
{
    if (p->body.len) {
        explicit_bzero((void *)(uintptr_t)p->body.ptr, p->body.len);
    }
    own_fd(&p->fd);
    p->fd = -1;
}

static bool begin(struct lives *l, struct life *life, struct error *e)
{
    OWN(fd) int ours = -1;
    int ends[2];

    if (!packet_pair(ends, e)) {
        return false;
    }
    pid_t us = getpid();
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == us) {
            l->options.live(l->options.context, ends[1]);
        }
        _exit(0);
    }
    (void)close(ends[1]);
    ours = ends[0];
    if (child < 0) {
        return error_errno(e, ERROR_BUSY, "fork");
    }
    packet_set_timeout(ours, SEND_MS);
    *life = (struct life){.pid = child, .fd = TAKE(ours, -1)};
    return true;
}

/* Whether anything has come, or within `wait_ms` does; a hangup is something. */
static bool has_come(int fd, int stop_fd, int64_t wait_ms, bool *stop)
{
    struct pollfd fds[] = {
        {.fd = fd,      .events = POLLIN},
        {.fd = stop_fd, .events = POLLIN}
    };
    int64_t deadline = clock_steady_ms() + wait_ms;
    int n = 0;

    do {
        int64_t left = deadline - clock_steady_ms();
        n = poll(fds, 2, left > 0 ? (int)left : 0);
    } while (n < 0 && errno == EINTR);
    *stop = n > 0 && fds[1].revents != 0;
    return n > 0 && fds[0].revents != 0;
}

/* A life that says something without being asked has died or was taken over. */
static bool is_sound(const struct lives *l, const struct life *life)
{
    bool stop = false;

    return life->letters < l->options.letters_max && !has_come(life->fd, -1, 0, &stop);
}

static struct life *slot_for(struct lives *l, const uint8_t sender[LIVES_TAG_LEN])
{
    struct life *oldest = &l->lives[0];

    for (size_t i = 0; i < LIVES_MAX; i++) {
        struct life *life = &l->lives[i];
        if (life->pid != 0 && memcmp(life->sender, sender, LIVES_TAG_LEN) == 0) {
            return life;
        }
        bool older = life->used_at < oldest->used_at;
        oldest = life->pid == 0 || (oldest->pid != 0 && older) ? life : oldest;
    }
    return oldest;
}

/* The sender's life, sound and not used up. NULL when none can be begun. */
static struct life *life_of(struct lives *l, const uint8_t sender[LIVES_TAG_LEN], struct error *e)
{
    struct life *life = slot_for(l, sender);
    char how[PROCESS_TEXT_MAX];
    bool stop = false;

    if (life->pid != 0 && memcmp(life->sender, sender, LIVES_TAG_LEN) == 0 && is_sound(l, life)) {
        return life;
    }
    end(life, how);
    for (int i = 0; i < BIRTH_TRIES && !stop; i++) {
        if (begin(l, life, e)) {
            (void)memcpy(life->sender, sender, LIVES_TAG_LEN);
            return life;
        }
        (void)has_come(-1, l->options.stop_fd, BIRTH_WAIT_MS, &stop);
    }
    return NULL;
}

/* The life is at fault. */
static bool failed(struct life *life, const char *why, bool gone, struct error *e)
{
    char how[PROCESS_TEXT_MAX] = "";

    if (gone) {
        end_gone(life, how);
        (void)error_set(e, ERROR_INPUT, "%s: its reader ended: %s", why, how);
    } else {
        end(life, how);
        (void)error_set(e, ERROR_INPUT, "%s", why);
    }
    log_event(LOG_WARNING, "inspector.life_failed", LOG_TEXT("reason", e->text));
    return false;
}

static bool await(struct lives *l, struct life *life, uint16_t verb, struct arena *arena,
                  struct ipc_packet *answer, struct error *e)
{
    char how[PROCESS_TEXT_MAX];
    struct ipc_packet p = {.fd = -1};
    bool stop = false;

    if (!has_come(life->fd, l->options.stop_fd, l->options.letter_ms, &stop)) {
        if (stop) {
            end(life, how);
            return error_set(e, ERROR_BUSY, "the inspector was told to stop");
        }
        return failed(life, "could not be read in time", false, e);
    }
    switch (packet_receive(life->fd, arena, &p, e)) {
    case PACKET_RECEIVED:
        break;
    case PACKET_BROKEN:
        return failed(life, "could not be read: its reader answered nonsense", false, e);
    case PACKET_CLOSED:
    case PACKET_LATE:
        return failed(life, "could not be read", true, e);
    }
    if (p.verb != verb) {
        lives_wipe(&p);
        return failed(life, "could not be read: its reader answered nonsense", false, e);
    }
    *answer = p;
    return true;
}

bool lives_ask(struct lives *l, const struct ipc_packet *ask, const uint8_t sender[LIVES_TAG_LEN],
               struct arena *arena, struct ipc_packet *answer, struct error *e)
{
    struct life *life = life_of(l, sender, e);
    char how[PROCESS_TEXT_MAX];

    if (!life) {
        return false;
    }
    if (!packet_send(life->fd, ask, e)) {
        end(life, how); /* it died before it was asked anything: that is not the letter's fault */
        return false;
    }
    life->letters++;
    life->used_at = clock_steady_ms();
    bool answered = await(l, life, ask->verb, arena, answer, e);
    life->used_at = clock_steady_ms();
    return answered;
}
