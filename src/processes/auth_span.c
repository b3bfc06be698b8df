#include "processes/auth_span.h"

#include <stddef.h>

struct timespec auth_span_begin(void)
{
    struct timespec end;

    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += AUTH_SPAN_US * 1000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_nsec -= 1000000000;
        end.tv_sec++;
    }
    return end;
}

void auth_span_end(const struct timespec *end)
{
    while (end && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, end, NULL) != 0) {
    }
}
