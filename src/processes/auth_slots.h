/* processes/auth_slots - how many passwords are checked side by side, and how many may wait.
 *
 * A counting semaphore with a bounded queue. Thread-safe. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct auth_slots {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    unsigned free; /* guarded by lock, as the next */
    unsigned waiting;
    unsigned waiting_max;
};

/* Make `parallel` slots, for which at most `waiting_max` may wait. */
void auth_slots_init(struct auth_slots *s, unsigned parallel, unsigned waiting_max);

/* Take a slot, waiting for one up to within_ms. False: the queue is full, or the time is over. */
bool auth_slots_take(struct auth_slots *s, int64_t within_ms) __attribute__((warn_unused_result));

/* Give a slot back that was taken. */
void auth_slots_give(struct auth_slots *s);
