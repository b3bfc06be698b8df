/* stages/limits/limits - how much one account may send within an hour and within a day.
 *
 * Five things are counted: letters, bytes, recipients outside, the different addresses among these, and those to whom nobody in the company
 * has written before. A recipient named twice in a letter is one; the same address in two letters is two recipients and one
 * address. Nothing is learnt: the figures are those of the settings or of the account's own rule.
 *
 * The windows slide: twelve parts of five minutes and the running one, twenty-four of an hour and the running one, so a count never covers less than it
 * says. Memory is bounded by the limits themselves. Pure: the caller gives the time, and has a lock if it has threads. */
#pragma once

#include "base/buf.h"

#include "stages/limits/set.h"

enum limits_measure {
    LIMITS_LETTERS,
    LIMITS_RECIPIENTS, /* outside, of all letters together    */
    LIMITS_ADDRESSES,  /* outside, each counted once          */
    LIMITS_FIRST_TIME, /* of these, whom nobody here wrote to */
    LIMITS_BYTES,
    LIMITS_MEASURES,
    /* What has no limit and is counted for stages/limits/signs: */
    LIMITS_REFUSED = LIMITS_MEASURES, /* different letters that were put off */
    LIMITS_NEW_LINKS,                 /* letters with a link to where nobody here has linked */
    LIMITS_NETWORKS,                  /* from which the account had not been used */
    LIMITS_BOUNCES,                   /* recipients outside that do not exist */
    LIMITS_FAILURES,                  /* sign-ins with a wrong password */
    LIMITS_COUNTRIES,                 /* likewise */
    LIMITS_TRAVELS,                   /* between places, too fast */
    LIMITS_COUNTED
};

enum limits_window { LIMITS_HOUR, LIMITS_DAY, LIMITS_WINDOWS };

/* The most of each; 0: no limit. */
struct limits {
    uint64_t most[LIMITS_WINDOWS][LIMITS_MEASURES];
};

#define LIMITS_FINE    13     /* parts of the hour */
#define LIMITS_COARSE  25     /* parts of the day */
#define LIMITS_FINE_MS 300000 /* of a part */
#define LIMITS_HOUR_MS 3600000
#define LIMITS_DAY_MS  86400000
#define LIMITS_REST_MAX                                                                            \
    1000000 /* addresses of one account of which is known when it wrote to them last */

/* What one account, or one of its app passwords, has sent. Zeros: nothing. */
struct limits_count {
    uint64_t fine[LIMITS_FINE][LIMITS_COUNTED];
    uint64_t coarse[LIMITS_COARSE][LIMITS_COUNTED];
    uint64_t part; /* the newest one: milliseconds since 1970 / LIMITS_FINE_MS */
    struct set
        addresses; /* with the part, counted from 1 at `epoch`, in which it was written to last */
    uint64_t epoch;
};

/* Free its memory. */
void limits_count_done(struct limits_count *c);

/* A letter that is about to be sent. */
struct limits_letter {
    uint64_t bytes;
    const uint64_t *outside; /* hashes of its recipients outside, each once */
    const bool *first;       /* of each: nobody here has written to it */
    size_t n_outside;
};

/* What does not fit. */
struct limits_excess {
    enum limits_measure measure;
    enum limits_window window;
    uint64_t most;
    uint64_t had;    /* before the letter */
    uint64_t added;  /* by the letter */
    int64_t wait_ms; /* until it fits; -1: it never does */
};

/* Whether the letter is within the limits at `now_ms` (wall clock); *excess says which it would pass, the longest wait first.
 * Counts nothing. */
bool limits_allow(struct limits_count *c, const struct limits *limits,
                  const struct limits_letter *letter, int64_t now_ms, struct limits_excess *excess);

/* Count a letter that is sent now. */
void limits_add(struct limits_count *c, const struct limits_letter *letter, int64_t now_ms);

/* Count `n` more of what has no limit. */
void limits_note(struct limits_count *c, enum limits_measure measure, uint64_t n, int64_t now_ms);

/* Count one that was sent earlier, in any order, after a restart; of what is older than a day nothing is kept. */
void limits_recall(struct limits_count *c, const struct limits_letter *letter, int64_t at_ms);

/* The same of what has no limit. */
void limits_recall_note(struct limits_count *c, enum limits_measure measure, uint64_t n,
                        int64_t at_ms);

/* Take it back, because it was not recorded after all. */
void limits_take_back(struct limits_count *c, const struct limits_letter *letter, int64_t at_ms);

/* How many of the letter's addresses nothing was sent to within the hour that ends now. */
uint64_t limits_new_addresses(struct limits_count *c, const struct limits_letter *letter,
                              int64_t now_ms);

/* What was sent within a window that ends now. */
uint64_t limits_sent(struct limits_count *c, enum limits_window window, enum limits_measure measure,
                     int64_t now_ms);

/* "recipients outside", for a person. */
const char *limits_measure_text(enum limits_measure measure);

/* The setting's name, "recipients-per-day"; NULL for what has no limit of that kind. */
const char *limits_setting(enum limits_window window, enum limits_measure measure);

/* The reply code for who sent it, 450 or 452, with its enhanced code. */
unsigned limits_code(const struct limits_excess *x, const char **enhanced);

/* A sentence for who sent it: what is too much, and when it goes on. `who` may send no more than that: "your account". */
void limits_sentence(const struct limits_excess *x, const char *who, struct buf *out);
