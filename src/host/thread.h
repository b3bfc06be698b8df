/* host/thread - threads with a name and a stack small enough to have thousands of them.
 *
 * A thread shares nothing but what the header of some module names as shared. Stacks are address
 * space that becomes memory page by page; thread_rest() gives pages back before a long wait. */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define THREAD_STACK_SMALL ((size_t)64 * 1024)  /* a connection: TLS and SMTP fit */
#define THREAD_STACK_LARGE ((size_t)512 * 1024) /* libraries of unknown appetite: DNS, SQLite */
#define THREAD_NAME_MAX    16                   /* with the NUL; the kernel keeps no more */

typedef void thread_main(void *argument);

/**
 * Run main(argument) in a new thread that nobody waits for.
 *
 * @param stack  bytes; THREAD_STACK_SMALL or THREAD_STACK_LARGE
 * @return       false with ERROR_BUSY when the system allows no more threads; then main was not
 *               called and the argument is still the caller's
 */
bool thread_start(const char *name, size_t stack, thread_main *main, void *argument,
                  struct error *e) MUST_CHECK;

/* As thread_start(), for a thread that thread_join() waits for; *out tells which. */
bool thread_start_joinable(const char *name, size_t stack, thread_main *main, void *argument,
                           pthread_t *out, struct error *e) MUST_CHECK;

/* Wait until the thread has returned. */
void thread_join(pthread_t thread);

/* pthread_cond_wait() until clock_steady_ms() is `until_ms`; returns false when it is. Whatever clock
 * the condition was made with, one that jumps changes nothing. */
bool thread_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ms);

/* Have this thread, and what it starts, take what time others leave: for work after a letter's 250,
 * so that a letter that comes in does not wait for those that are in. Such a thread must not hold a
 * lock for long that others want. */
void thread_background(void);

/* Give the pages of this thread's stack below the caller's frame back to the system: cheap (one
 * system call), worth it before a wait of seconds. Does nothing in threads not started here. */
void thread_rest(void);
