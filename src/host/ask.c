#include "host/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "host/file.h"

#define CONTROL_C 3
#define PROGRAM   "/usr/bin/systemd-ask-password"
#define SYSTEMD   "/run/systemd/system" /* is there when the machine was started by it */

/* One byte; 0 for the end of the line or of the input. */
static bool read_byte(int fd, uint8_t *c, struct error *e)
{
    ssize_t n = 0;

    do {
        n = read(fd, c, 1);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return error_errno(e, ERROR_BUSY, "read");
    }
    if (n == 0 || *c == '\n') {
        *c = 0;
    }
    return *c != CONTROL_C || error_set(e, ERROR_INPUT, "interrupted");
}

/* One line of a descriptor, byte by byte, so that the next one stays in it. */
static bool read_line(int fd, struct secret **answer, struct error *e)
{
    OWN(secret) struct secret *line = secret_new(ASK_SECRET_MAX + 1);
    size_t len = 0;

    while (len < line->len) {
        if (!read_byte(fd, line->ptr + len, e)) {
            return false;
        }
        if (line->ptr[len] == 0) {
            break;
        }
        len++;
    }
    if (len > ASK_SECRET_MAX) {
        return error_set(e, ERROR_INPUT, "it is longer than %d bytes", ASK_SECRET_MAX);
    }
    len -= len && line->ptr[len - 1] == '\r';
    if (len == 0) {
        return error_set(e, ERROR_INPUT, "it is empty");
    }
    *answer = secret_copy(slice_of(line->ptr, len));
    return true;
}

/* Whether systemd put the credential there; then it is what counts, also when it cannot be read. */
static bool find_credential(const char *name, int *fd)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");

    if (!name || !directory) {
        return false;
    }
    OWN(fd) int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *fd = folder < 0 ? -1 : openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return *fd >= 0;
}

/* Without echo, and without signals: an interrupted question must not leave the terminal mute. */
static bool ask_terminal(const char *question, struct secret **answer, struct error *e)
{
    struct termios before;

    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return error_errno(e, ERROR_CONFIG, "no terminal to type at");
    }
    (void)fprintf(stderr, "%s: ", question);
    struct termios mute = before;
    mute.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &mute);
    bool got = read_line(STDIN_FILENO, answer, e);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)fprintf(stderr, "\n");
    return got;
}

/* The program asks at whichever place the administrator answers: console, Plymouth, its agent. */
static bool ask_systemd(const char *question, struct secret **answer, struct error *e)
{
    char text[256];
    char *const argv[] = {(char[]){"systemd-ask-password"}, (char[]){"--no-tty"}, text, NULL};
    int ends[2];
    pid_t pid = -1;
    int status = 0;

    (void)snprintf(text, sizeof(text), "Postern: %s", question);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_errno(e, ERROR_BUSY, "pipe");
    }
    OWN(fd) int from = ends[0];
    posix_spawn_file_actions_t actions;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    int failed = posix_spawn(&pid, PROGRAM, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    own_fd(&ends[1]);
    if (failed) {
        errno = failed;
        return error_errno(e, ERROR_CONFIG, PROGRAM);
    }
    bool got = read_line(from, answer, e);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return got || error_add(e, "systemd-ask-password gave no answer");
}

bool ask_secret(const struct ask_way *way, const char *question, struct secret **answer,
                struct error *e)
{
    OWN(fd) int credential = -1;

    if (way->fd >= 0) {
        return read_line(way->fd, answer, e) || error_add(e, "%s", question);
    }
    if (find_credential(way->credential, &credential)) {
        return read_line(credential, answer, e) || error_add(e, "credential %s", way->credential);
    }
    if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) {
        return ask_terminal(question, answer, e) || error_add(e, "%s", question);
    }
    if (access(SYSTEMD, F_OK) == 0 && access(PROGRAM, X_OK) == 0) {
        return ask_systemd(question, answer, e);
    }
    return error_set(e, ERROR_CONFIG,
                     "%s: nobody is there to be asked: give it with --passphrase-fd%s%s", question,
                     way->credential ? ", or with systemd's LoadCredentialEncrypted=" : "",
                     way->credential ? way->credential : "");
}
