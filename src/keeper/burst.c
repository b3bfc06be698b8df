#include "keeper/burst.h"

void burst_letter(struct burst *b, int64_t now_ms)
{
    int64_t past_ms = now_ms - b->window_ms;

    if (past_ms >= BURST_WINDOW_MS) {
        b->on = b->letters >= BURST_LETTERS && past_ms < 2 * BURST_WINDOW_MS;
        b->window_ms = now_ms;
        b->letters = 0;
    }
    b->letters++;
    b->last_ms = now_ms;
}

void burst_drained(struct burst *b)
{
    b->drained = true;
}

bool burst_puts_off(const struct burst *b)
{
    return b->since_ms != 0;
}

static bool may_begin(const struct burst *b, int64_t now_ms)
{
    return b->on && b->drained && now_ms >= b->rest_end_ms;
}

int64_t burst_wait_ms(struct burst *b, int64_t now_ms, bool arriving)
{
    bool quiet = !arriving && now_ms - b->last_ms >= BURST_QUIET_MS;

    if (!b->since_ms && !quiet && may_begin(b, now_ms)) {
        b->since_ms = now_ms;
        b->drained = false;
    }
    if (!b->since_ms) {
        return 0;
    }
    int64_t left_ms = b->since_ms + BURST_MAX_MS - now_ms;
    if (quiet || left_ms <= 0) {
        b->since_ms = 0;
        b->rest_end_ms = now_ms + BURST_REST_MS;
        return 0;
    }
    return left_ms < BURST_QUIET_MS ? left_ms : BURST_QUIET_MS;
}
