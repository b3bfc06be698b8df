#include "keeper/guard_state.h"

struct guarded *guard_find(struct guard *g, uint64_t account)
{
    struct guarded *x = g->buckets[account % GUARD_BUCKETS];

    while (x && x->account != account) {
        x = x->next;
    }
    return x;
}

struct guarded *guard_account(struct guard *g, uint64_t account)
{
    struct guarded *x = guard_find(g, account);

    if (!x) {
        x = calloc(1, sizeof(*x));
        if (!x) {
            arena_panic("out of memory");
        }
        x->account = account;
        x->next = g->buckets[account % GUARD_BUCKETS];
        g->buckets[account % GUARD_BUCKETS] = x; /* -fanalyzer: the bucket holds it */
    }
    return x;
}
