/* processes/output - what a process writes to its stderr, on its way to ours.
 *
 * Every process has a pipe of its own: with one descriptor for all, a process that was taken over
 * could shut the log down, cut its file, or write lines in another's name. Whole lines of the
 * process's own log pass as they are; anything else it says (a sanitizer's report, a forged line)
 * becomes an event of the supervisor that quotes it. The supervisor's alone; one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define OUTPUT_LINE_MAX 4096 /* bytes; a longer line is cut into pieces */

struct output {
    int fd;     /* our end of the pipe, -1: none */
    size_t len; /* bytes of an unfinished line */
    char line[OUTPUT_LINE_MAX];
};

/* Make the pipe; *theirs becomes the process's stderr and is the caller's to close. ERROR_BUSY. */
bool output_open(struct output *o, int *theirs, struct error *e) MUST_CHECK;

/* Pass on what has come from the process of this role, without waiting. False once there will be
 * nothing more. */
bool output_pass(struct output *o, const char *role);

/* Pass on the rest and close. */
void output_close(struct output *o, const char *role);
