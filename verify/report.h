/* verify/report - what was found wrong, one line each.
 *
 * What comes out of a file is printed only as numbers or as text that cannot steer a terminal. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "verify/bytes.h"

#define FINDINGS_MAX 1000 /* lines; what is found beyond is counted */

struct report {
    FILE *out;
    uint64_t findings;
    bool cannot_judge; /* the disk failed, or a newer program wrote this */
};

/* Where something is wrong: records `first` to `last` of a segment, at a byte of its file. */
struct place {
    uint32_t segment;
    uint64_t offset;
    uint64_t first, last;
};

/* Print a finding. */
void report_finding(struct report *r, const struct place *where, const char *text);

/* Print why there can be no verdict: text, and errno when it is not 0. */
void report_stop(struct report *r, uint32_t segment, const char *text, int error);

/* A time in UTC, as people write it. */
#define REPORT_TIME_ROOM 40
void report_time(int64_t ms, char when[static REPORT_TIME_ROOM]);

/* Print text of unknown origin. */
void report_text(FILE *out, struct view text);

/* Likewise of several words: blanks stay, what a terminal would obey does not. */
void report_words(FILE *out, struct view text);

/* Print what was done, when, by whom and why; the last two may be empty. */
void report_act(FILE *out, const char *what, int64_t at, struct view by, struct view why);
