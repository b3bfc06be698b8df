#include "processes/auth_slots.h"

#include "base/clock.h"

#include "host/thread.h"

void auth_slots_init(struct auth_slots *s, unsigned parallel, unsigned waiting_max)
{
    *s = (struct auth_slots){.free = parallel, .waiting_max = waiting_max};
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->freed, NULL);
}

bool auth_slots_take(struct auth_slots *s, int64_t within_ms)
{
    int64_t until = clock_steady_ms() + within_ms;
    bool taken = false;

    (void)pthread_mutex_lock(&s->lock);
    if (s->free > 0 || s->waiting < s->waiting_max) {
        s->waiting++;
        while (s->free == 0 && thread_wait(&s->freed, &s->lock, until)) {
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
