#include "stages/delivery/schedule.h"

#include <assert.h>

const struct schedule schedule_default = {
    .delays_s = {300, 900, 1800, 3600, 7200, 14400},
    .n_delays = 6,
    .lifetime_s = 5 * 86400,
    .warn_after_s = 4 * 3600,
};

/* The delay before attempt `attempts` + 1, moved by up to an eighth. */
static int64_t delay_ms(const struct schedule *s, uint32_t attempts, uint32_t random)
{
    size_t row = attempts <= s->n_delays ? attempts - 1 : s->n_delays - 1;
    int64_t delay = (int64_t)s->delays_s[row] * 1000;
    int64_t span = delay / 4;

    return delay - span / 2 + (span * (int64_t)random >> 32);
}

struct schedule_next schedule_after_failure(const struct schedule *s, int64_t accepted_at_ms,
                                            int64_t now_ms, uint32_t attempts, bool warned,
                                            uint32_t random)
{
    assert(attempts >= 1 && s->n_delays >= 1 && s->n_delays <= SCHEDULE_DELAYS_MAX);

    int64_t passed_ms = now_ms > accepted_at_ms ? now_ms - accepted_at_ms : 0;
    int64_t end_ms = (int64_t)s->lifetime_s * 1000;
    if (passed_ms >= end_ms) {
        return (struct schedule_next){.give_up = true};
    }
    int64_t at_ms = now_ms + delay_ms(s, attempts, random);
    int64_t last_ms = now_ms + (end_ms - passed_ms);
    return (struct schedule_next){
        .at_ms = at_ms < last_ms ? at_ms : last_ms,
        .warn = !warned && s->warn_after_s > 0 && passed_ms >= (int64_t)s->warn_after_s * 1000,
    };
}

int64_t schedule_bound(const struct schedule *s, int64_t at_ms, int64_t now_ms)
{
    int64_t longest_ms = 0;

    for (size_t i = 0; i < s->n_delays; i++) {
        int64_t pause_ms = (int64_t)s->delays_s[i] * 1000;
        pause_ms += pause_ms / 8; /* as far as delay_ms() moves it */
        longest_ms = pause_ms > longest_ms ? pause_ms : longest_ms;
    }
    return at_ms < now_ms + longest_ms ? at_ms : now_ms + longest_ms;
}
