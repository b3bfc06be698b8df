#include "keeper/waiters.h"

#include "host/thread.h"

static void start(struct waiters *all, struct waiter *w)
{
    w->next = all->first;
    w->link = &all->first;
    if (w->next) {
        w->next->link = &w->next;
    }
    all->first = w;
}

static void stop(struct waiters *all, struct waiter *w)
{
    if (w->link) {
        *w->link = w->next;
        if (w->next) {
            w->next->link = w->link;
        }
        w->link = NULL;
    }
    all->timer = all->timer == w ? NULL : all->timer;
}

static void wake(struct waiters *all, struct waiter *w)
{
    if (w) {
        stop(all, w);
        (void)pthread_cond_signal(&w->wake);
    }
}

void waiters_wait(struct waiters *all, struct waiter *w, pthread_mutex_t *lock, int64_t due,
                  int64_t until)
{
    start(all, w);
    if (due < until && !all->timer) {
        all->timer = w;
    }
    (void)thread_wait(&w->wake, lock, all->timer == w ? due : until);
    stop(all, w);
}

void waiters_wake(struct waiters *all, struct slice key)
{
    struct waiter *any = NULL;

    for (struct waiter *w = all->paused ? NULL : all->first; w; w = w->next) {
        if (w->route.len == 0) {
            any = any ? any : w;
        } else if (slice_equal(w->route, key)) {
            wake(all, w);
            return;
        }
    }
    wake(all, any);
}

void waiters_wake_timer(struct waiters *all)
{
    wake(all, all->timer ? all->timer : all->first);
}

void waiters_wake_all(struct waiters *all)
{
    while (all->first) {
        wake(all, all->first);
    }
}
