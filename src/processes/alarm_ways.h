/* processes/alarm_ways - by which ways an alarm goes out, and what became of it: the operator's program, and who tells it outside.
 *
 * Whoever hears of that (a row of roles.c that hears) can say whether anybody was told. Nothing is answered and nobody waits: a way of
 * which nothing is heard told nobody. The supervisor's; one thread. */
#pragma once

#include "processes/child.h"
#include "processes/control.h"

#define ALARM_PROGRAMS_MAX 32 /* that run at once and are remembered */

struct alarm_ways {
    struct alarm_program {
        pid_t pid; /* 0: free */
        char event[CONTROL_NAME_MAX + 1];
        char sentence[CONTROL_SENTENCE_MAX + 1];
    } programs[ALARM_PROGRAMS_MAX];
};

/* Have it told outside by the processes that do so and are at work. */
void alarm_ways_tell(struct child *children, size_t n, const struct control_tell *tell);

/* The operator's program was started for an alarm. */
void alarm_ways_began(struct alarm_ways *w, pid_t program, const struct control_tell *tell);

/* A process of that id ended; when it was such a program, say what became of the alarm. */
void alarm_ways_ended(struct alarm_ways *w, pid_t program, int status, struct child *children,
                      size_t n);

/* Say what became of an alarm to the processes that hear of it and are at work. */
void alarm_ways_told(struct child *children, size_t n, const struct control_told *told);
