/* keeper/contact_meter - how many contacts each account was shown, in this hour and this day.
 *
 * A window begins with the first contact that is shown and lasts an hour, or a day. Pure: the caller says the time
 * and has the lock. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/own.h"
#include "base/slice.h"

#define CONTACT_METERS_MAX 10000 /* accounts that were shown something today */

struct contact_limits {
    uint64_t hour;  /* contacts */
    uint64_t day;   /* contacts */
    uint64_t alarm; /* contacts in an hour */
};

enum contact_metered {
    CONTACT_GRANTED,
    CONTACT_GRANTED_ALARM, /* and it is now more than somebody needs: once an hour */
    CONTACT_REFUSED,
    CONTACT_REFUSED_ALARM, /* the first time in this hour */
};

struct contact_meter;

/* What somebody was shown: of this hour and of this day, and when they began. */
struct contact_shown {
    int64_t hour_from_ms;
    uint64_t hour;
    int64_t day_from_ms;
    uint64_t day;
};

/* Nothing shown yet; free accepts NULL. */
struct contact_meter *contact_meter_new(void) __attribute__((returns_nonnull));
void contact_meter_free(struct contact_meter *m);

/**
 * Count what is to be shown, all of it or nothing.
 *
 * @param who     the account, or the user of the machine
 * @param now_ms  of a clock that does not go back
 */
enum contact_metered contact_meter_take(struct contact_meter *m, struct slice who, uint64_t n,
                                        const struct contact_limits *limits, int64_t now_ms);

/* How many more it would be shown now. */
uint64_t contact_meter_left(const struct contact_meter *m, struct slice who,
                            const struct contact_limits *limits, int64_t now_ms);

/* Somebody looked for a decoy, of this number, and found nobody. True when he did so of CONTACT_MISSED different ones within a day:
 * who knows so many names has a list; once for each further so many. */
#define CONTACT_MISSED 3
bool contact_meter_missed(struct contact_meter *m, struct slice who, uint64_t decoy,
                          int64_t now_ms);

/* Somebody is to be told that he compares. True once an hour; where no place is left always. */
bool contact_meter_probed(struct contact_meter *m, struct slice who, int64_t now_ms);

/* Whether anything is counted of him. */
bool contact_meter_has(const struct contact_meter *m, struct slice who);

/* What was written down of him, as of the meter's clock; of whom something is counted already, that stays. */
void contact_meter_restore(struct contact_meter *m, struct slice who,
                           const struct contact_shown *was, int64_t now_ms);

/* Whether more was counted of him than was written down last, or in another hour. Then *out is what is to be: with so many ahead of what was
 * counted. And that it was written. */
bool contact_meter_is_due(const struct contact_meter *m, struct slice who, uint64_t ahead,
                          struct contact_shown *out);
void contact_meter_kept(struct contact_meter *m, struct slice who, const struct contact_shown *was);

OWN_BY(contact_meter, struct contact_meter, contact_meter_free)
