#include "ipc/budget.h"

void ipc_budget_init(struct ipc_budget *b, size_t max_bytes)
{
    b->max = max_bytes;
    atomic_init(&b->used, 0);
}

bool ipc_budget_acquire(struct ipc_budget *b, size_t bytes)
{
    size_t used = atomic_load_explicit(&b->used, memory_order_relaxed);

    do {
        if (bytes > b->max - used) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&b->used, &used, used + bytes,
                                                    memory_order_acquire, memory_order_relaxed));
    return true;
}

void ipc_budget_release(struct ipc_budget *b, size_t bytes)
{
    (void)atomic_fetch_sub_explicit(&b->used, bytes, memory_order_release);
}

size_t ipc_budget_used(struct ipc_budget *b)
{
    return atomic_load_explicit(&b->used, memory_order_relaxed);
}
