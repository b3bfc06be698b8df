/* stages/retention/disposal - may this letter be destroyed now? And which time is believed for that.
 *
 * A wall clock can be set. The time that is believed goes on as the steady clock does, never ahead of the wall
 * clock, and takes over at most a day for the time in which nothing ran. When the wall clock is more than that
 * ahead it is doubted, and nothing is over until a person says that it is right. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TRUSTED_JUMP_MS INT64_C(86400000) /* more than this ahead is doubted */

struct trusted_clock {
    int64_t at;     /* wall milliseconds that are believed */
    int64_t steady; /* when that was found out, on the steady clock */
    bool doubted;
};

/* Begin with what was believed last, or 0 when nothing is known; `fresh`: there is nothing yet that could be
 * destroyed too early. */
void trusted_clock_begin(struct trusted_clock *c, int64_t kept, bool fresh, int64_t wall,
                         int64_t steady);

/* Time went on: call it from time to time. */
void trusted_clock_step(struct trusted_clock *c, int64_t wall, int64_t steady);

/* A person says that the wall clock is right. */
void trusted_clock_confirm(struct trusted_clock *c, int64_t wall, int64_t steady);

/* What counts as now: never later than either says. */
int64_t trusted_clock_now(const struct trusted_clock *c, int64_t wall);

enum disposal_verdict {
    DISPOSAL_DESTROY,
    DISPOSAL_UNASKED, /* it is not among those that were asked for     */
    DISPOSAL_DOUBT,   /* nobody knows what time it is                  */
    DISPOSAL_UNRULED, /* no rule says how long: it stays               */
    DISPOSAL_KEPT,    /* some rule still runs                          */
    DISPOSAL_HELD,
    DISPOSAL_BUSY, /* it is still on its way, or not in the index yet  */
};

/* All that is known of one letter at the moment in which it would be destroyed. */
struct disposal_letter {
    uint64_t seq;
    bool ruled;
    uint64_t until; /* when its longest retention ends; 0: never */
    bool held;      /* or that cannot be told */
    bool at_rest;
};

/* What was asked for and approved. */
struct disposal_order {
    uint64_t before; /* wall milliseconds: retentions that ended at or before */
    uint64_t head;   /* letters whose facts stand before this record */
};

/* What is to become of a letter now, or why it stays. `wall`: what the wall clock shows. */
enum disposal_verdict disposal_judge(const struct disposal_order *order,
                                     const struct trusted_clock *clock, int64_t wall,
                                     const struct disposal_letter *letter);
