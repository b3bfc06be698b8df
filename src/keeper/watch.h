/* keeper/watch - what goes wrong without anybody asking: the clock jumps, the disk fills up.
 *
 * The two judgements alone; the thread that makes them (watch.c, keeper_watch()) raises the alarms.
 * One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WATCH_JUMP_MS 10000 /* what a time server may put right without being noticed */

/* What was seen at the last look; zeros before the first. */
struct watch {
    bool begun;
    int64_t ahead_ms; /* the wall clock before the steady one */
    bool disk_low;
};

/* Look at both clocks. Returns by how many milliseconds the wall clock jumped since the last look,
 * backwards below zero; 0 when that is less than WATCH_JUMP_MS. */
int64_t watch_clock(struct watch *w, int64_t wall_ms, int64_t steady_ms);

/* Look at the free space. Returns true when it was not below `warning_bytes` at the last look, and
 * is now. */
bool watch_disk(struct watch *w, uint64_t free_bytes, uint64_t warning_bytes);
