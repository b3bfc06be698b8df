/* host/process - this program again, or one beside it, as another process with a duty of its own.
 *
 * A child is forked and executes a program anew, so that no two processes share a memory layout or
 * an inherited secret. It gets a control channel as descriptor 3, a stderr of its own, /dev/null as
 * stdin and stdout, and an environment of a few words; it dies when its parent dies
 * (host/sandbox). One thread. */
#pragma once

#include <sys/types.h>

#include "base/error.h"

#define PROCESS_CHANNEL  3  /* descriptor of the control channel in the child */
#define PROCESS_TEXT_MAX 64 /* bytes of process_status_text() with the NUL */

/**
 * Open the program that lies beside this one and is called as it is, with `suffix` behind: it stays the same one, whatever
 * takes its place meanwhile.
 *
 * @param suffix  "": this program itself
 * @return        false with ERROR_CONFIG when it is not there
 */
bool process_program(const char *suffix, int *program, struct error *e) MUST_CHECK;

/**
 * Start `posternd --role NAME`.
 *
 * @param program  from process_program()
 * @param argv     of the new program, NULL-terminated
 * @param channel  becomes PROCESS_CHANNEL in the child; stays the caller's
 * @param errors   becomes stderr in the child; stays the caller's
 * @return         false with ERROR_BUSY when the system allows no further process. That the child
 *                 could not execute shows as its exit with status 127
 */
bool process_spawn(int program, const char *const argv[], int channel, int errors, pid_t *pid,
                   struct error *e) MUST_CHECK;

/* Collect one child that ended; false when none has. */
bool process_reap(pid_t *pid, int *status);

/* Have all threads of a child run as its first one does. Those of the background end last, and the process with them: with
 * much else to do that takes seconds. Without the right to, they stay as they are. */
void process_hurry(pid_t pid);

/* What a wait status says: "exited with 0", "killed by SIGSYS (a forbidden system call)". */
void process_status_text(int status, char text[static PROCESS_TEXT_MAX]);
