/* processes/stopping - processes end in the reverse order of starting, row by row: all of them when the supervisor stops,
 * or those that are to be started anew with other keys.
 *
 * Whoever asks others ends before them, so what it has begun is finished. The supervisor's; one thread. */
#pragma once

#include "processes/child.h"

struct stopping {
    bool all;        /* every process, and for good; otherwise those that are stale */
    bool hurry;      /* nobody is waited for */
    size_t row;      /* those behind it have ended; the number of rows: not begun, or all have */
    int64_t give_up; /* when those of the row are killed; steady milliseconds */
    int64_t keys_give_up; /* the same of those with keys; 0: they wait for their turn */
};

/* Begin with the last row. */
void stopping_begin(struct stopping *s, bool all);

/* Tell all that are stale and have keys at once, whatever row they are in, and kill who takes long: one of them is gone
 * and is not started beside the others. For each step from then on, before stopping_step(). */
void stopping_keys(struct stopping *s, struct child *children, size_t n);

/* Tell the last row that still runs to stop, and kill who takes too long. False when nobody runs any more. */
bool stopping_step(struct stopping *s, struct child *children, size_t n);
