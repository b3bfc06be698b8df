/* stages/retention/term - how long a letter is kept, as a rule of law or of the company says it.
 *
 *     term = 1*4DIGIT ( "d" / "mo" / "y" ) / "forever"
 *
 * Days are whole days of the calendar: a letter of 5 March under seven years is kept through 5 March of
 * the seventh year, until that day has ended everywhere on earth (noon UTC of the next). Of several
 * rules the longest wins; a hold beats them all; a letter under no rule is never over. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define RETENTION_COUNT_MAX 1000      /* years; other units likewise bounded by 1000 years */
#define RETENTION_NEVER     INT64_MAX /* when it ends */

enum retention_unit {
    RETENTION_DAYS = 1,
    RETENTION_MONTHS = 2,
    RETENTION_YEARS = 3,
    RETENTION_FOREVER = 4,
};

/* From which day the term runs. */
enum retention_start {
    RETENTION_FROM_SENT = 1,
    RETENTION_FROM_YEAR_END = 2,   /* 31 December of the year in which it was sent           */
    RETENTION_FROM_FISCAL_END = 3, /* the last day of the fiscal year in which it was sent   */
    RETENTION_FROM_DATE = 4,       /* the day on which something ended, as somebody said     */
};

struct retention_rule {
    enum retention_unit unit;
    uint64_t count;
    enum retention_start start;
    unsigned fiscal_month; /* RETENTION_FROM_FISCAL_END: the last month of that year, 1 to 12 */
    int64_t date_ms;       /* RETENTION_FROM_DATE: that day; RETENTION_NEVER: nobody has said yet */
};

enum retention_verdict {
    RETENTION_UNRULED, /* no rule says how long: it stays         */
    RETENTION_HELD,    /* whatever the rules say                  */
    RETENTION_KEPT,    /* some rule still runs                    */
    RETENTION_OVER,    /* every rule has ended: it may be destroyed */
};

/* Read a term into unit and count; the rest of *rule stays. False when it is none. */
bool retention_term_read(struct slice text, struct retention_rule *rule);

/* Write it as it is read. */
void retention_term_write(const struct retention_rule *rule, struct buf *out);

/* Read a day, "2027-01-31", into wall milliseconds of its midnight UTC; from 1970 on. */
bool retention_day_read(struct slice text, int64_t *ms);

/* Write the day of a moment so. */
void retention_day_write(int64_t ms, struct buf *out);

/* The day from which a term runs, wall milliseconds of its midnight UTC; RETENTION_NEVER when nobody has said yet, or the
 * rule makes no sense. */
int64_t retention_begins(const struct retention_rule *rule, int64_t sent_ms);

/* The last day on which it still runs, from the moment at which it ends. */
int64_t retention_last_day(int64_t ends);

/* The first moment at which nothing is to be kept any more, wall milliseconds; RETENTION_NEVER. A rule
 * that makes no sense ends never. */
int64_t retention_ends(const struct retention_rule *rule, int64_t sent_ms);

/**
 * What holds for a letter?
 *
 * @param rules  all that apply to it
 * @param holds  how many holds it is under
 * @param ends   set to when the longest rule ends; RETENTION_NEVER when there is none
 */
enum retention_verdict retention_judge(const struct retention_rule *rules, size_t n_rules,
                                       uint64_t holds, int64_t sent_ms, int64_t now_ms,
                                       int64_t *ends);
