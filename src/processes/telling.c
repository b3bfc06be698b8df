#include "processes/telling.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/process.h"
#include "host/sandbox.h"
#include "letter/id.h"
#include "letter/secret.h"
#include "processes/control.h"
#include "processes/internal.h"

#define EXIT_AGAIN    75 /* EX_TEMPFAIL of sysexits.h */
#define EXIT_NO_EXEC  127
#define FIRST_UNKNOWN 3 /* descriptor */
#define INPUT_MAX     200
#define PATIENCE_MS   10000 /* for the supervisor, beyond what the program may take */

/* ── the supervisor's end ── */

/* For the supervisor it comes from a process that may have been taken over, and goes to a program that may be a script. */
static bool is_sound(const struct control_run *run)
{
    bool plain = run->letter.len != 0;

    for (size_t i = 0; i < run->letter.len; i++) {
        uint8_t c = ascii_lower(run->letter.ptr[i]);
        plain = plain && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-');
    }
    return plain && secret_telephone_sound(run->telephone) && secret_sound(run->password);
}

static void become(const char *command, int in)
{
    sigset_t none;
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)setsid(); /* so that what it starts ends with it */
    if (nowhere < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(nowhere, STDOUT_FILENO) < 0 ||
        dup2(nowhere, STDERR_FILENO) < 0) {
        _exit(EXIT_AGAIN); /* it must not write the password into our log */
    }
    sandbox_close_others(FIRST_UNKNOWN);
    (void)execl(command, command, (char *)NULL);
    _exit(EXIT_NO_EXEC);
}

/* What it is told fits into a pipe. 0: it cannot be started now. */
static pid_t start(const char *command, const struct control_run *run)
{
    char input[INPUT_MAX];
    int ends[2];
    int len = snprintf(input, sizeof(input), "%.*s\n%.*s\n%.*s\n", SLICE_ARG(run->telephone),
                       SLICE_ARG(run->password), SLICE_ARG(run->letter));

    if (pipe2(ends, O_CLOEXEC) != 0) {
        explicit_bzero(input, sizeof(input));
        return 0;
    }
    OWN(fd) int out = ends[1];
    OWN(fd) int in = ends[0];
    bool written = write(out, input, (size_t)len) == len;
    explicit_bzero(input, sizeof(input));
    pid_t program = written ? fork() : -1;
    if (program == 0) {
        become(command, in);
    }
    return program < 0 ? 0 : program;
}

static bool answer(const struct child *c, uint64_t number, enum secret_told told, struct error *e)
{
    const struct control_ran ran = {number, told};

    return control_send(c->control, CONTROL_RAN, &control_ran_schema, &ran, -1, e);
}

static struct telling_run *free_place(struct telling *t)
{
    for (size_t i = 0; i < TELLING_AT_ONCE; i++) {
        if (t->runs[i].program == 0) {
            return &t->runs[i];
        }
    }
    return NULL;
}

bool telling_begin(struct telling *t, struct child *c, const struct ipc_packet *p,
                   const struct documents_settings *settings, struct arena *arena, struct error *e)
{
    struct telling_run *place = free_place(t);
    struct control_run run;

    if (!c->row->runs) {
        return error_set(e, ERROR_DENIED, "it may not have a program run");
    }
    if (!control_read(p, &control_run_schema, arena, &run, e)) {
        return false;
    }
    if (!is_sound(&run)) {
        return error_set(e, ERROR_INPUT, "it wants to tell what is no password, or to nobody");
    }
    if (settings->command.len == 0) {
        return answer(c, run.number, SECRET_NEVER, e);
    }
    pid_t program = place ? start((const char *)settings->command.ptr, &run) : 0;
    explicit_bzero((void *)(uintptr_t)p->body.ptr, p->body.len);
    if (program == 0) {
        return answer(c, run.number, SECRET_NOT_RUN, e);
    }
    *place =
        (struct telling_run){program, c->pid, run.number, clock_steady_ms() + settings->command_ms};
    return true;
}

static enum secret_told verdict(int status)
{
    if (!WIFEXITED(status)) {
        return SECRET_UNSURE;
    }
    switch (WEXITSTATUS(status)) {
    case 0:
        return SECRET_TOLD;
    case EXIT_AGAIN:
        return SECRET_AGAIN;
    default:
        return SECRET_NEVER;
    }
}

void telling_ended(struct telling *t, pid_t program, int status, struct child *children, size_t n)
{
    char how[PROCESS_TEXT_MAX];
    struct error e;

    for (size_t i = 0; i < TELLING_AT_ONCE; i++) {
        struct telling_run run = t->runs[i];
        if (run.program != program) {
            continue;
        }
        t->runs[i] = (struct telling_run){.program = 0};
        process_status_text(status, how);
        log_event(LOG_INFO, "secret.program_ended", LOG_TEXT("how", how));
        for (size_t k = 0; k < n; k++) {
            struct child *c = &children[k];
            if (c->pid == run.asker && c->control >= 0 &&
                !answer(c, run.number, verdict(status), &e)) {
                child_give_up(c, "saying what became of a program", &e);
            }
        }
    }
}

int64_t telling_watch(struct telling *t, int64_t next)
{
    int64_t now = clock_steady_ms();

    for (size_t i = 0; i < TELLING_AT_ONCE; i++) {
        struct telling_run *run = &t->runs[i];
        if (run->program == 0) {
            continue;
        }
        if (run->end_at <= now) {
            (void)kill(-run->program, SIGKILL); /* with what it started */
            (void)kill(run->program, SIGKILL);
            run->end_at = INT64_MAX;
        }
        next = run->end_at < next ? run->end_at : next;
    }
    return next;
}

/* ── the role's end ── */

bool role_take_ran(struct role *r, const struct ipc_packet *p, struct arena *arena, struct error *e)
{
    struct control_ran ran;

    if (!control_read(p, &control_ran_schema, arena, &ran, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < TELLING_AT_ONCE; i++) {
        if (ran.number && r->telling.asked[i].number == ran.number) {
            r->telling.asked[i].told = ran.told;
            (void)pthread_cond_broadcast(&r->changed);
        }
    }
    (void)pthread_mutex_unlock(&r->lock);
    return true;
}

/* With the lock; a place for one more question, or TELLING_AT_ONCE. */
static size_t take_place(struct role *r)
{
    size_t i = 0;

    while (i < TELLING_AT_ONCE && r->telling.asked[i].number) {
        i++;
    }
    if (i < TELLING_AT_ONCE) {
        r->telling.asked[i].number = ++r->telling.number;
        r->telling.asked[i].told = SECRET_NOT_BEGUN;
    }
    return i;
}

/* With the lock. */
static enum secret_told await(struct role *r, size_t place, int64_t within_ms)
{
    struct timespec end;

    (void)clock_gettime(CLOCK_REALTIME, &end); /* the condition's */
    end.tv_sec += within_ms / 1000 + 1;
    while (r->telling.asked[place].told == SECRET_NOT_BEGUN && !atomic_load(&r->stopping)) {
        if (pthread_cond_timedwait(&r->changed, &r->lock, &end) == ETIMEDOUT) {
            break;
        }
    }
    uint64_t told = r->telling.asked[place].told;
    return told == SECRET_NOT_BEGUN ? SECRET_UNSURE : (enum secret_told)told;
}

enum secret_told role_tell(struct role *r, struct slice telephone, struct slice password,
                           struct slice letter)
{
    struct control_run run = {0, telephone, password, letter};
    int64_t within_ms = role_settings(r)->documents.command_ms + PATIENCE_MS;
    enum secret_told told = SECRET_NOT_RUN;
    struct error e;

    if (!is_sound(&run)) { /* the supervisor would take it for an attack, and end us */
        return SECRET_NEVER;
    }
    (void)pthread_mutex_lock(&r->lock);
    size_t place = take_place(r);
    run.number = r->telling.number;
    (void)pthread_mutex_unlock(&r->lock);
    if (place == TELLING_AT_ONCE) {
        return SECRET_NOT_RUN;
    }
    bool sent = control_send(r->control, CONTROL_RUN, &control_run_schema, &run, -1, &e);
    (void)pthread_mutex_lock(&r->lock);
    if (sent) {
        told = await(r, place, within_ms);
    }
    r->telling.asked[place].number = 0;
    (void)pthread_mutex_unlock(&r->lock);
    return told;
}
