/* keeper/burst - whether the work behind a letter's 250 lets a burst of letters in first. It is put off
 * while many letters come in, for BURST_MAX_MS at most, and not again before all that waits has been
 * begun: so a letter waits for the burst around it once. What comes in slowly is never put off.
 *
 * Pure: times are given (of the steady clock). The caller's lock guards it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BURST_MAX_MS    10000 /* how long work is put off */
#define BURST_REST_MS   2000  /* how long it is not, after that */
#define BURST_QUIET_MS  30    /* without a letter: the burst is over */
#define BURST_WINDOW_MS 100
#define BURST_LETTERS   16 /* in a window: a burst */

/* All zero: nothing has come yet. */
struct burst {
    int64_t last_ms;     /* when the last letter came */
    int64_t window_ms;   /* when the present window began */
    size_t letters;      /* in it */
    bool on;             /* the window before it was full */
    bool drained;        /* nothing has waited since work was last put off */
    int64_t since_ms;    /* work is put off since then; 0: it is not */
    int64_t rest_end_ms; /* not again before */
};

/* A letter came in. */
void burst_letter(struct burst *b, int64_t now_ms);

/* No letter waits for work. */
void burst_drained(struct burst *b);

/* Whether work is put off now; backlog_add() then need not wake anybody. */
bool burst_puts_off(const struct burst *b);

/* How many ms work must wait before this is asked again; 0: begin. `arriving`: at least one letter is
 * being recorded, so a disk that takes its time ends no burst. */
int64_t burst_wait_ms(struct burst *b, int64_t now_ms, bool arriving);
