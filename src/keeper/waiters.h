/* keeper/waiters - who waits in queue_take(). What changes wakes one who can use it: most deliveries
 * wait most of the time, and waking all of them for each letter costs more than it. The queue's lock
 * guards it all. */
#pragma once

#include <pthread.h>

#include "base/slice.h"

/* One of them, on its thread's stack. */
struct waiter {
    struct waiter *next, **link; /* link is NULL while it is not in the list */
    struct slice route;          /* empty: any lane will do */
    pthread_cond_t wake;
};

struct waiters {
    struct waiter *first; /* the latest: its memory is still in the cache */
    struct waiter *timer; /* who watches the timetable for all; NULL: nobody */
    bool paused;          /* nothing can be taken: waiters_wake() lets all of them sleep */
};

/* Wait until woken or `until`, or, as the one who watches the timetable, until `due`. */
void waiters_wait(struct waiters *all, struct waiter *w, pthread_mutex_t *lock, int64_t due,
                  int64_t until);

/* Wake who waits for this lane, because it holds a connection, or else one who takes from any. Of an
 * empty key only the latter. */
void waiters_wake(struct waiters *all, struct slice key);

/* The timetable has a new first entry, or nobody watches it. */
void waiters_wake_timer(struct waiters *all);

/* Something changed for everybody: a pause, an end, another life. */
void waiters_wake_all(struct waiters *all);
