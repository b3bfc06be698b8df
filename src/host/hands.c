#include "host/hands.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"

#define SPARE_MAX 64   /* threads that wait at once; one more ends */
#define SPARE_MS  2000 /* how long they do: not as long as their stacks are worth giving back */

struct task {
    thread_main *main; /* NULL: none */
    void *argument;
};

/* One that waits, on its thread's stack. */
struct spare {
    struct spare *next;
    pthread_cond_t wake;
    struct task task; /* the one it was given; it has left the list by then */
};

struct hands {
    const char *name;
    size_t stack;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    struct spare *spares; /* guarded by lock; the latest first: its memory is still in the cache */
    size_t n_spares;      /* guarded by lock */
    size_t n_threads;     /* guarded by lock */
    bool closed;          /* guarded by lock */
};

/* What a thread begins with. */
struct beginning {
    struct hands *hands;
    struct task task;
};

struct hands *hands_new(const char *name, size_t stack)
{
    struct hands *h = calloc(1, sizeof(*h));

    if (!h) {
        arena_panic("out of memory");
    }
    h->name = name;
    h->stack = stack;
    (void)pthread_mutex_init(&h->lock, NULL);
    (void)pthread_cond_init(&h->ended, NULL);
    return h;
}

void hands_free(struct hands *h)
{
    if (!h) {
        return;
    }
    (void)pthread_mutex_lock(&h->lock);
    h->closed = true;
    for (struct spare *s = h->spares; s; s = s->next) {
        (void)pthread_cond_signal(&s->wake);
    }
    while (h->n_threads) {
        (void)pthread_cond_wait(&h->ended, &h->lock);
    }
    (void)pthread_mutex_unlock(&h->lock);
    (void)pthread_cond_destroy(&h->ended);
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
}

static void leave_list(struct hands *h, const struct spare *s)
{
    struct spare **link = &h->spares;

    while (*link != s) {
        link = &(*link)->next;
    }
    *link = s->next;
    h->n_spares--;
}

/* Wait for more work, with the lock held. False when the thread is to end. */
static bool wait_for_task(struct hands *h, struct task *task)
{
    /* -fanalyzer: who waits leaves the list before its stack frame goes */
    struct spare s = {.next = h->spares, .wake = PTHREAD_COND_INITIALIZER};
    int64_t until_ms = clock_steady_ms() + SPARE_MS;

    if (h->n_spares == SPARE_MAX) {
        return false;
    }
    /* cppcheck-suppress autoVariables ; it is off the list before this returns */
    h->spares = &s;
    h->n_spares++;
    while (!s.task.main && !h->closed && thread_wait(&s.wake, &h->lock, until_ms)) {
    }
    if (!s.task.main) {
        leave_list(h, &s);
    }
    (void)pthread_cond_destroy(&s.wake);
    *task = s.task;
    return task->main != NULL;
}

static void work(void *argument)
{
    struct beginning b = *(struct beginning *)argument;
    struct hands *h = b.hands;
    bool more = true;

    free(argument);
    while (more) {
        b.task.main(b.task.argument);
        (void)pthread_mutex_lock(&h->lock);
        more = wait_for_task(h, &b.task);
        if (!more && --h->n_threads == 0) {
            (void)pthread_cond_signal(&h->ended);
        }
        (void)pthread_mutex_unlock(&h->lock);
    }
}

/* Give the work to one that waits. False when there is none; then a thread more is counted. */
static bool give_to_spare(struct hands *h, struct task task)
{
    (void)pthread_mutex_lock(&h->lock);
    struct spare *s = h->spares;
    if (s) {
        leave_list(h, s);
        s->task = task;
        (void)pthread_cond_signal(&s->wake);
    } else {
        h->n_threads++;
    }
    (void)pthread_mutex_unlock(&h->lock);
    return s != NULL;
}

bool hands_start(struct hands *h, thread_main *main, void *argument, struct error *e)
{
    struct task task = {main, argument};

    if (give_to_spare(h, task)) {
        return true;
    }
    struct beginning *b = malloc(sizeof(*b));
    if (!b) {
        arena_panic("out of memory");
    }
    *b = (struct beginning){h, task};
    if (thread_start(h->name, h->stack, work, b, e)) {
        return true;
    }
    free(b);
    (void)pthread_mutex_lock(&h->lock);
    h->n_threads--;
    (void)pthread_mutex_unlock(&h->lock);
    return false;
}
