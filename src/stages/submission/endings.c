#include "stages/submission/endings.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"

#include "host/thread.h"
#include "requests/keeper.h"

#define GATHER_MS     50
#define END_WITHIN_MS 2000
#define ANSWER_MAX    ((size_t)16 << 10)

struct endings {
    struct ipc_pool *keeper;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work;  /* something came, or it hurries */
    pthread_cond_t taken; /* it was asked for */
    size_t n;             /* guarded by lock, as all below */
    bool asking;
    bool hurries;
    bool closed;
    uint8_t handles[KEEPER_ENDINGS_MAX][AUTH_SESSION_LEN];
};

/* With the lock held, which is let go meanwhile. What cannot be asked ends by itself: the keeper bounds every session. */
static void ask(struct endings *x)
{
    OWN(arena) struct arena arena = {.max = ANSWER_MAX};
    uint8_t handles[KEEPER_ENDINGS_MAX * AUTH_SESSION_LEN];
    const struct keeper_session_end_ask question = {slice_of(handles, x->n * AUTH_SESSION_LEN)};
    struct error ignored;

    (void)memcpy(handles, x->handles, question.sessions.len);
    explicit_bzero(x->handles, question.sessions.len);
    x->n = 0;
    x->asking = true;
    (void)pthread_cond_broadcast(&x->taken);
    (void)pthread_mutex_unlock(&x->lock);
    (void)!ipc_call(x->keeper, &keeper_session_end, &question, -1, NULL, NULL, &arena,
                    END_WITHIN_MS, &ignored);
    explicit_bzero(handles, question.sessions.len);
    (void)pthread_mutex_lock(&x->lock);
    x->asking = false;
    (void)pthread_cond_broadcast(&x->taken);
}

static void work(void *argument)
{
    struct endings *x = argument;

    (void)pthread_mutex_lock(&x->lock);
    while (!x->closed || x->n) {
        int64_t until_ms = clock_steady_ms() + GATHER_MS;
        while (x->n && !x->hurries && !x->closed && x->n < KEEPER_ENDINGS_MAX &&
               thread_wait(&x->work, &x->lock, until_ms)) {
        }
        if (x->n) {
            ask(x);
        } else if (!x->closed) {
            (void)pthread_cond_wait(&x->work, &x->lock);
        }
    }
    (void)pthread_mutex_unlock(&x->lock);
}

struct endings *endings_new(struct ipc_pool *keeper)
{
    struct endings *x = calloc(1, sizeof(*x));
    struct error e;

    if (!x) {
        arena_panic("out of memory");
    }
    x->keeper = keeper;
    (void)pthread_mutex_init(&x->lock, NULL);
    (void)pthread_cond_init(&x->work, NULL);
    (void)pthread_cond_init(&x->taken, NULL);
    if (!thread_start_joinable("endings", THREAD_STACK_SMALL, work, x, &x->thread, &e)) {
        arena_panic("no thread for sessions that end");
    }
    return x;
}

void endings_free(struct endings *x)
{
    if (!x) {
        return;
    }
    (void)pthread_mutex_lock(&x->lock);
    x->closed = true;
    (void)pthread_cond_signal(&x->work);
    (void)pthread_mutex_unlock(&x->lock);
    thread_join(x->thread);
    (void)pthread_cond_destroy(&x->work);
    (void)pthread_cond_destroy(&x->taken);
    (void)pthread_mutex_destroy(&x->lock);
    free(x);
}

void endings_add(struct endings *x, const uint8_t handle[static AUTH_SESSION_LEN])
{
    int64_t until_ms = clock_steady_ms() + END_WITHIN_MS;

    (void)pthread_mutex_lock(&x->lock);
    while (x->n == KEEPER_ENDINGS_MAX && thread_wait(&x->taken, &x->lock, until_ms)) {
    }
    if (x->n == KEEPER_ENDINGS_MAX) { /* the keeper does not answer: it ends the session itself */
        (void)pthread_mutex_unlock(&x->lock);
        return;
    }
    (void)memcpy(x->handles[x->n++], handle, AUTH_SESSION_LEN);
    if (x->n == 1 || x->n == KEEPER_ENDINGS_MAX) { /* in between it sleeps until the time is over */
        (void)pthread_cond_signal(&x->work);
    }
    (void)pthread_mutex_unlock(&x->lock);
}

void endings_settle(struct endings *x)
{
    int64_t until_ms = clock_steady_ms() + END_WITHIN_MS;
    bool in_time = true;

    (void)pthread_mutex_lock(&x->lock);
    while ((x->n || x->asking) && in_time) {
        x->hurries = true;
        (void)pthread_cond_signal(&x->work);
        in_time = thread_wait(&x->taken, &x->lock, until_ms);
    }
    x->hurries = false;
    (void)pthread_mutex_unlock(&x->lock);
}
