#include "processes/auth_slots.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"

void auth_slots_init(struct auth_slots *s, unsigned parallel, unsigned waiting_max)
{
    pthread_condattr_t steady;

    *s = (struct auth_slots){.free = parallel, .waiting_max = waiting_max};
    (void)pthread_condattr_init(&steady);
    (void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->freed, &steady);
    (void)pthread_condattr_destroy(&steady);
}

bool auth_slots_take(struct auth_slots *s, int64_t within_ms)
{
    int64_t until = clock_steady_ms() + within_ms;
    const struct timespec deadline = {until / 1000, until % 1000 * 1000000};
    bool taken = false;
    int rc = 0;

    (void)pthread_mutex_lock(&s->lock);
    if (s->free > 0 || s->waiting < s->waiting_max) {
        s->waiting++;
        while (s->free == 0 && rc == 0) {
            rc = pthread_cond_timedwait(&s->freed, &s->lock, &deadline);
        }
        s->waiting--;
        taken = s->free > 0;
        s->free -= taken ? 1 : 0;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return taken;
}

void auth_slots_give(struct auth_slots *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->free++;
    (void)pthread_cond_signal(&s->freed);
    (void)pthread_mutex_unlock(&s->lock);
}
