#include "host/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"

#define EXIT_NO_EXEC 127
#define WORDS_MAX    8 /* of the environment, with the NULL */
#define WORD_MAX     256

#define OUT_OF_THE_WAY 10 /* of the descriptors that a child's own are put at */

/* What of our environment a child may see: what it logs to, and how a sanitizer behaves. */
static const char *const inherited[] = {"JOURNAL_STREAM", "ASAN_OPTIONS", "TSAN_OPTIONS",
                                        "UBSAN_OPTIONS"};

struct environment {
    char *words[WORDS_MAX];
    char memory[WORDS_MAX][WORD_MAX];
};

static void fill(struct environment *env)
{
    size_t n = 0;

    (void)snprintf(env->memory[n], WORD_MAX, "LC_ALL=C.UTF-8");
    env->words[n] = env->memory[n];
    n++;
    (void)snprintf(env->memory[n], WORD_MAX, "TZ=UTC");
    env->words[n] = env->memory[n];
    n++;
    for (size_t i = 0; i < sizeof(inherited) / sizeof(inherited[0]); i++) {
        const char *value = getenv(inherited[i]);
        if (value) {
            (void)snprintf(env->memory[n], WORD_MAX, "%s=%s", inherited[i], value);
            env->words[n] = env->memory[n];
            n++;
        }
    }
    env->words[n] = NULL;
}

/* Put the descriptors where the child expects them. Only async-signal-safe calls. */
static bool arrange(int channel, int errors)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(errors, STDERR_FILENO) < 0) {
        return false;
    }
    return channel == PROCESS_CHANNEL ? fcntl(channel, F_SETFD, 0) == 0
                                      : dup2(channel, PROCESS_CHANNEL) == PROCESS_CHANNEL;
}

bool process_program(const char *suffix, int *program, struct error *e)
{
    char path[PATH_MAX];
    ssize_t n = *suffix ? readlink("/proc/self/exe", path, sizeof(path)) : 0;

    if (n < 0 || (size_t)n + strlen(suffix) >= sizeof(path)) {
        return error_set(e, ERROR_CONFIG, "the path of this program cannot be told");
    }
    (void)snprintf(path + n, sizeof(path) - (size_t)n, "%s", *suffix ? suffix : "/proc/self/exe");
    OWN(fd) int found = open(path, O_PATH | O_CLOEXEC);
    *program = found < 0 ? -1 : fcntl(found, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    return *program >= 0 || error_errno(e, ERROR_CONFIG, "%s", path);
}

_Noreturn static void become(int program, const char *const argv[], int channel, int errors,
                             struct environment *env)
{
    sigset_t none;

    /* Away from the terminal: what a person types there is for the supervisor alone. */
    (void)setsid();
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (arrange(channel, errors)) {
        (void)execveat(program, "", (char *const *)(uintptr_t)argv, env->words, AT_EMPTY_PATH);
    }
    _exit(EXIT_NO_EXEC);
}

bool process_spawn(int program, const char *const argv[], int channel, int errors, pid_t *pid,
                   struct error *e)
{
    struct environment env;

    fill(&env);
    pid_t child = fork();
    if (child < 0) {
        return error_errno(e, ERROR_BUSY, "fork");
    }
    if (child == 0) {
        become(program, argv, channel, errors, &env);
    }
    *pid = child;
    return true;
}

void process_hurry(pid_t pid)
{
    char path[64];
    int first = getpriority(PRIO_PROCESS, (id_t)pid);

    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    for (const struct dirent *t = threads ? readdir(threads) : NULL; t; t = readdir(threads)) {
        long id = strtol(t->d_name, NULL, 10);
        if (id > 0) {
            (void)setpriority(PRIO_PROCESS, (id_t)id, first);
        }
    }
    if (threads) {
        (void)closedir(threads);
    }
}

bool process_reap(pid_t *pid, int *status)
{
    pid_t ended = 0;

    do {
        ended = waitpid(-1, status, WNOHANG);
    } while (ended < 0 && errno == EINTR);
    if (ended <= 0) {
        return false;
    }
    *pid = ended;
    return true;
}

void process_status_text(int status, char text[static PROCESS_TEXT_MAX])
{
    if (WIFSIGNALED(status)) {
        int signal = WTERMSIG(status);
        (void)snprintf(text, PROCESS_TEXT_MAX, "killed by SIG%s%s", sigabbrev_np(signal),
                       signal == SIGSYS ? " (a forbidden system call)" : "");
    } else {
        (void)snprintf(text, PROCESS_TEXT_MAX, "exited with %d", WEXITSTATUS(status));
    }
}
