/* host/hands - threads that are used again: for work that comes often and is soon done, as a connection
 * with one letter, for which a new thread each time costs a tenth of the work.
 *
 * Each piece of work has a thread to itself. One that is done with its work waits some moments for more before
 * it ends, so a quiet process has none left over. Nothing is handed from one piece of work to the next. */
#pragma once

#include "base/own.h"

#include "host/thread.h"

struct hands;

/**
 * Have no threads yet.
 *
 * @param name   of the threads; a literal
 * @param stack  as for thread_start()
 */
struct hands *hands_new(const char *name, size_t stack) __attribute__((returns_nonnull));

/* Wait until all work is done and every thread has ended, then free it. NULL is fine. */
void hands_free(struct hands *h);

/**
 * Run main(argument) in a thread of its own, one that waits or a new one.
 *
 * @return  false with ERROR_BUSY when the system allows no more threads; then main was not called and
 *          the argument is still the caller's
 */
bool hands_start(struct hands *h, thread_main *main, void *argument, struct error *e) MUST_CHECK;

OWN_BY(hands, struct hands, hands_free)
