/* base/clock - the two clocks: what time it is for people, how much time passed for machines. */
#pragma once

#include <stdint.h>

/* Milliseconds since 1970-01-01T00:00Z. May jump; for records and header fields. */
int64_t clock_wall_ms(void);

/* Milliseconds of a clock that never jumps; for deadlines and durations. */
int64_t clock_steady_ms(void);

/* The same in nanoseconds, for measuring. */
int64_t clock_steady_ns(void);

/* Milliseconds of processor time that this process has taken. */
int64_t clock_processor_ms(void);

#define CLOCK_TEXT_MAX 32

/* Write wall_ms as RFC 3339 in UTC with milliseconds: "2026-11-24T07:30:00.000Z". */
void clock_rfc3339(int64_t wall_ms, char text[static CLOCK_TEXT_MAX]);
