/* stages/delivery/schedule - when to try again, when to say that it takes long, when to give up.
 *
 * Pure (RFC 5321 section 4.5.4.1): times come in, times go out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEDULE_DELAYS_MAX 32

struct schedule {
    uint32_t delays_s[SCHEDULE_DELAYS_MAX]; /* after the 1st, 2nd, ... attempt; the last repeats */
    size_t n_delays;                        /* at least 1 */
    uint32_t lifetime_s;                    /* from acceptance to the end of attempts */
    uint32_t warn_after_s;                  /* tell the sender of the delay; 0: never */
};

/* 5 min, 15 min, 30 min, 1 h, 2 h, then every 4 h; 5 days; a warning after 4 h. */
extern const struct schedule schedule_default;

struct schedule_next {
    bool give_up;  /* no further attempt: the letter returns to its sender */
    int64_t at_ms; /* otherwise when to try again, wall clock */
    bool warn;     /* tell the sender now that the letter is delayed */
};

/**
 * Decide what follows a temporary failure.
 *
 * @param accepted_at_ms  wall clock of the 250
 * @param now_ms          wall clock of the failure; a clock that went backwards counts as 0 passed
 * @param attempts        made so far, this one included: at least 1
 * @param warned          the sender was told already
 * @param random          32 random bits: the delay is moved by up to an eighth either way, so
 *                        that letters that failed together do not return together
 *
 * The last attempt falls on the end of the lifetime and not behind it.
 */
struct schedule_next schedule_after_failure(const struct schedule *s, int64_t accepted_at_ms,
                                            int64_t now_ms, uint32_t attempts, bool warned,
                                            uint32_t random);

/**
 * Bound a time for the next attempt that was decided earlier: at most the longest pause from now. A
 * later one was decided while the clock was ahead, and would be waited for until that comes.
 *
 * @param at_ms   as decided, wall clock
 * @param now_ms  wall clock
 */
int64_t schedule_bound(const struct schedule *s, int64_t at_ms, int64_t now_ms);
