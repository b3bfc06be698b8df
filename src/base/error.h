/* base/error - why something could not be done: a kind for the program, a sentence for a person.
 *
 * A function that can fail returns bool and takes a struct error last; it fills it exactly when
 * it returns false, and leaves its other outputs as they were. A "no" that is an ordinary answer
 * (unknown user, refused by policy) is a value of the function's own enum and no error. Running
 * out of memory is neither: inputs are bounded, so base/arena ends the process instead. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>

#define ERROR_TEXT_MAX 320 /* with the NUL; longer sentences are cut at a character */

enum error_kind {
    ERROR_NONE,
    ERROR_INPUT,   /* malformed input from outside            SMTP 5yz   exit 65 */
    ERROR_LIMIT,   /* a limit of ours was reached             SMTP 452   exit 75 */
    ERROR_BUSY,    /* may work later: time-out, disk, peer    SMTP 451   exit 75 */
    ERROR_CONFIG,  /* a person must change a setting or file  SMTP 451   exit 78 */
    ERROR_CORRUPT, /* stored bytes failed their check         SMTP 451   exit 74 */
    ERROR_DENIED,  /* the peer may not ask for this           SMTP 550   exit 77 */
};

struct error {
    enum error_kind kind;
    char text[ERROR_TEXT_MAX]; /* outermost context first: "ledger: segment 7: write: ..." */
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* Fill *e and return false, so that a failing function ends in `return error_set(...)`. */
bool error_set(struct error *e, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set(), followed by ": " and what errno says. */
bool error_errno(struct error *e, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "context: " in front of what a callee set, keep its kind, and return false. */
bool error_add(struct error *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The analyser sees one file at a time; this is what it would see in error.c. */
#ifdef __clang_analyzer__
#define error_set(...)   ((void)error_set(__VA_ARGS__), false)
#define error_errno(...) ((void)error_errno(__VA_ARGS__), false)
#define error_add(...)   ((void)error_add(__VA_ARGS__), false)
#endif

/* The exit code of sysexits.h that tells a shell script what kind of failure this was. */
int error_exit_code(const struct error *e);
