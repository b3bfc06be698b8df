#include "host/thread.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"

/* Sanitizers make frames several times larger. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_FACTOR 8
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define STACK_FACTOR 8
#endif
#endif
#ifndef STACK_FACTOR
#define STACK_FACTOR 1
#endif

#define PAGE 4096

/* Some hundredth of the time, while a thread without it wants the rest: a burst is accepted first. */
#define BACKGROUND_NICE 19

/* Left alone below the caller's frame: the red zone and the frames of the calls that follow. */
#define REST_MARGIN ((uintptr_t)2 * PAGE)

struct start {
    thread_main *main;
    void *argument;
    char name[THREAD_NAME_MAX];
};

/* Lowest usable address of this thread's stack; 0 in threads that were not started here. */
static _Thread_local uintptr_t stack_bottom;

static uintptr_t find_stack_bottom(void)
{
    pthread_attr_t attributes;
    void *bottom = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) {
        return 0;
    }
    (void)pthread_attr_getstack(&attributes, &bottom, &size);
    (void)pthread_attr_destroy(&attributes);
    return (uintptr_t)bottom;
}

static void *run(void *argument)
{
    struct start start = *(struct start *)argument;
    free(argument);
    (void)pthread_setname_np(pthread_self(), start.name);
    stack_bottom = find_stack_bottom();
    start.main(start.argument);
    return NULL;
}

static bool start(const char *name, size_t stack, thread_main *main, void *argument, bool joinable,
                  pthread_t *out, struct error *e)
{
    struct start *s = calloc(1, sizeof(*s));
    if (!s) {
        arena_panic("out of memory");
    }
    s->main = main;
    s->argument = argument;
    (void)snprintf(s->name, sizeof(s->name), "%s", name);

    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, stack * STACK_FACTOR);
    (void)pthread_attr_setguardsize(&attributes, PAGE);
    (void)pthread_attr_setdetachstate(&attributes,
                                      joinable ? PTHREAD_CREATE_JOINABLE : PTHREAD_CREATE_DETACHED);
    int failure = pthread_create(out, &attributes, run, s);
    (void)pthread_attr_destroy(&attributes);
    if (failure != 0) {
        free(s);
        errno = failure;
        return error_errno(e, ERROR_BUSY, "start thread %s", name);
    }
    return true;
}

bool thread_start(const char *name, size_t stack, thread_main *main, void *argument,
                  struct error *e)
{
    pthread_t unused;
    return start(name, stack, main, argument, false, &unused, e);
}

bool thread_start_joinable(const char *name, size_t stack, thread_main *main, void *argument,
                           pthread_t *out, struct error *e)
{
    return start(name, stack, main, argument, true, out, e);
}

void thread_join(pthread_t thread)
{
    (void)pthread_join(thread, NULL);
}

bool thread_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_ms)
{
    const struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};

    return pthread_cond_clockwait(condition, lock, CLOCK_MONOTONIC, &until) == 0;
}

void thread_background(void)
{
    /* Of the thread, not of the process: setpriority(2), "C library/kernel differences". */
    (void)setpriority(PRIO_PROCESS, 0, BACKGROUND_NICE);
}

void thread_rest(void)
{
#if STACK_FACTOR == 1 /* AddressSanitizer keeps its own books about stacks */
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t top = (here - REST_MARGIN) & ~(uintptr_t)(PAGE - 1);
    if (stack_bottom != 0 && top > stack_bottom) {
        void *bottom = NULL;
        memcpy(&bottom, &stack_bottom, sizeof(bottom));
        (void)madvise(bottom, top - stack_bottom, MADV_DONTNEED);
    }
#endif
}
