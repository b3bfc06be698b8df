#include "keeper/patience.h"

#include <stdatomic.h>

#include "base/clock.h"

static atomic_uint waiting;
static _Thread_local int64_t until_ms; /* steady clock; 0: this thread decides nothing */

void patience_begin(int64_t ms)
{
    until_ms = clock_steady_ms() + ms;
}

void patience_end(void)
{
    until_ms = 0;
}

bool patience_counts(void)
{
    return until_ms != 0;
}

bool patience_take(void)
{
    if (!patience_counts()) {
        return true;
    }
    if (patience_left_ms(1) == 0) {
        return false;
    }
    if (atomic_fetch_add(&waiting, 1) < PATIENCE_WAITERS) {
        return true;
    }
    (void)atomic_fetch_sub(&waiting, 1);
    return false;
}

void patience_give(void)
{
    if (patience_counts()) {
        (void)atomic_fetch_sub(&waiting, 1);
    }
}

int64_t patience_left_ms(int64_t most_ms)
{
    int64_t left_ms = until_ms - clock_steady_ms();

    if (!patience_counts()) {
        return most_ms;
    }
    return left_ms < 0 ? 0 : left_ms < most_ms ? left_ms : most_ms;
}
