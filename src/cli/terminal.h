/* cli/terminal - questions to the person at the terminal, or lines from a script's pipe.
 *
 * Questions go to standard error, so that standard output can be kept. Input is read byte by byte:
 * nothing behind the line is taken. Uses the process's own descriptors; one thread. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/secret.h"

#define TERMINAL_LINE_MAX 4096

/* Whether a person sits there: standard input and standard error are a terminal. */
bool terminal_has_person(void);

/* Read one line of standard input that is no secret, into the arena. */
bool terminal_read_line(size_t max, struct arena *arena, struct slice *line,
                        struct error *e) MUST_CHECK;

/**
 * Ask for one line.
 *
 * @param question  "Domain"; ": " is added
 * @param initial   answer when the line is empty, shown in brackets; NULL: ask again
 * @param answer    trimmed; lives in the arena, with a NUL behind it
 * @return          false with ERROR_INPUT at the end of input or when a line is too long
 */
bool terminal_ask(const char *question, const char *initial, struct arena *arena,
                  struct slice *answer, struct error *e) MUST_CHECK;

/* Ask for a line that is not shown while it is typed, 1 to `max` bytes; the caller owns it. */
bool terminal_ask_secret(const char *question, size_t max, struct secret **out,
                         struct error *e) MUST_CHECK;

/* Take one line of 1 to `max` bytes from standard input without asking; the caller owns it. */
bool terminal_read_secret(size_t max, struct secret **out, struct error *e) MUST_CHECK;

/**
 * Get a new password: one line from standard input, or typed twice unseen.
 *
 * @param from_stdin  take the line; otherwise a person must be there
 * @return            false with ERROR_INPUT when the two differ or it is too long
 */
bool terminal_new_password(bool from_stdin, size_t max, struct secret **out,
                           struct error *e) MUST_CHECK;
