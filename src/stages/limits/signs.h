/* stages/limits/signs - does this account look stolen?
 *
 * What an account did within an hour and a day is compared with a table of signs: from which number on it is one, what it weighs, the most that
 * it weighs, and a reason in plain words. One sign alone proves nothing; together they are added, and from SIGNS_THRESHOLD on sending is
 * to be suspended. The table has a version, which stands in the record of each suspension. It was made against tests/traffic/office.model,
 * which came first. Pure: the caller gives the time and what was seen. */
#pragma once

#include "stages/limits/limits.h"

#define SIGNS_VERSION   6
#define SIGNS_THRESHOLD 100

/* What groups of signs weigh together at most: from where the account is used, letters to many of whom the company knows; and, of an account that is not
 * older than SIGNS_YOUNG_MS, that place and links are new. */
#define SIGNS_PLACE_MOST   30
#define SIGNS_MAILING_MOST 45
#define SIGNS_YOUNG_MOST   40
#define SIGNS_YOUNG_MAILING                                                                        \
    30 /* instead of SIGNS_MAILING_MOST: who begins tells everybody that he is there */
#define SIGNS_YOUNG_MS (8 * (int64_t)LIMITS_DAY_MS)

enum sign {
    SIGN_FIRST_TIME,     /* recipients within the hour to whom nobody here has written */
    SIGN_FIRST_TIME_DAY, /* the same within the day */
    SIGN_REFUSED,        /* letters that were put off, and others all the same */
    SIGN_SAME_WORDS,     /* to so many outside */
    SIGN_NEW_LINKS,      /* letters with links to where it had not linked before */
    SIGN_NEW_NETWORK,    /* from where the account had not been used */
    SIGN_MANY_NETWORKS,  /* sign-ins within the hour */
    SIGN_FAILURES,       /* sign-ins with a wrong password within the hour */
    SIGN_BURST,          /* letters in a rush after silence */
    SIGN_PACE,           /* letters within the hour */
    SIGN_ADDRESSES,      /* different ones outside within the hour */
    SIGN_MANY,           /* the same, more than any office was seen to write to */
    SIGN_ONE_LETTER,     /* recipients outside of one letter, known or not */
    SIGN_BOUNCES,        /* within the hour */
    SIGN_COUNTRY,        /* from where the account had not been used */
    SIGN_TRAVEL,         /* from two places between which nobody travels so fast */
    SIGN_ELSEWHERE,      /* an app password from another network than ever before */
    SIGN_CONTENT, /* what a malware scanner or spam filter says of its letters, where one is set */
    SIGNS
};

struct sign_row {
    const char *name;
    uint64_t from;      /* what is above counts */
    unsigned weight;    /* of each, in tenths */
    unsigned most;      /* of all */
    const char *before; /* the number, in a sentence */
    const char *after;
};

extern const struct sign_row signs_table[SIGNS];

#define SIGNS_BODIES    32
#define SIGNS_NETWORKS  16
#define SIGNS_ELSEWHERE 8
#define SIGNS_PUT_OFF   512 /* a program with more letters that wait is one that goes on */

/* Where somebody is. Zeros: not known. */
struct signs_place {
    uint16_t country; /* two letters */
    bool located;
    int32_t latitude, longitude; /* thousandths of a degree */
};

/* Faster and farther than that nobody travels. */
#define SIGNS_TRAVEL_KM         500
#define SIGNS_TRAVEL_KM_AN_HOUR 1000

/* What is remembered of an account beside its counts. Zeros: nothing. */
struct signs {
    struct {
        uint64_t words; /* hash of what is written in it */
        uint64_t outside;
        int64_t at_ms;
    } bodies[SIGNS_BODIES];

    struct {
        uint64_t network;
        int64_t at_ms;
        uint16_t country;
    } networks[SIGNS_NETWORKS]; /* of sign-ins */

    struct signs_place place; /* of the last one, and when */
    int64_t place_ms;

    uint64_t put_off[SIGNS_PUT_OFF];
    size_t next_put_off;
    int64_t last_ms;  /* of letters */
    int64_t burst_ms; /* when the rush began */
    uint64_t burst;   /* letters of it */

    struct {
        uint64_t network;
        int64_t at_ms;
    } elsewhere[SIGNS_ELSEWHERE]; /* from where app passwords were used that had not been */

    uint64_t largest; /* recipients outside of one letter, within the hour */
    int64_t largest_ms;
    uint64_t
        approved; /* recipients outside of letters that somebody sees before, within the hour */
    int64_t approved_ms;

    int64_t since_ms;   /* when the account was made; 0: long ago */
    uint64_t content;   /* the most of the last hour */
    int64_t content_ms; /* when that was */
};

/* A letter that was taken. */
struct signs_letter {
    uint64_t words;   /* hash of its words; 0: not known */
    uint64_t outside; /* recipients */
    bool new_link;
    bool approved; /* it leaves when a second person has seen to whom it goes, and not before */
};

/* A letter was taken. */
void signs_sent(struct signs *s, struct limits_count *c, const struct signs_letter *letter,
                int64_t now_ms);

/* One that was sent earlier, in any order, after a restart: how large it was, for what its words were nobody remembers. */
void signs_recall(struct signs *s, uint64_t outside, int64_t at_ms);

/* A letter was put off by a limit; `digest` tells one from another. */
void signs_put_off(struct signs *s, struct limits_count *c, uint64_t digest, int64_t now_ms);

/* Somebody signed in; `fresh`: the account had been used before, and not from that network. */
void signs_signed_in(struct signs *s, struct limits_count *c, uint64_t network, bool fresh,
                     int64_t now_ms);

/* A filter looked at one of its letters: malware is the most that the sign weighs, a spam score of `score` hundredths counts from
 * SIGNS_SPAM_FROM on. */
#define SIGNS_SPAM_FROM 500
#define SIGNS_SPAM_MOST 20
#define SIGNS_MALWARE   60
void signs_scanned(struct signs *s, bool malware, uint64_t score, int64_t now_ms);

/* An app password was used from a network where it had not been, though it had been used; `network` tells one network of one app
 * password from another. Counts for a day. */
void signs_elsewhere(struct signs *s, uint64_t network, int64_t now_ms);

/* Where that was, behind signs_signed_in(); `fresh`: it had been used, from known countries, and not from that one. */
void signs_came_from(struct signs *s, struct limits_count *c, uint64_t network,
                     const struct signs_place *place, bool fresh, int64_t now_ms);

/* The country of a network from which somebody signed in lately; 0: not known. And whether that was the country of any. */
uint16_t signs_country(const struct signs *s, uint64_t network);
bool signs_met_country(const struct signs *s, uint16_t country);

/* Kilometres between two places that are located. */
double signs_distance(const struct signs_place *a, const struct signs_place *b);

/* Whether somebody signed in from there lately, as far as is remembered. */
bool signs_met(const struct signs *s, uint64_t network);

/* What was found, and what it weighs. */
struct signs_verdict {
    uint64_t value[SIGNS];
    uint64_t from[SIGNS]; /* what is above counts: the table's, or what is allowed to the account */
    unsigned points[SIGNS];
    unsigned sum;
    unsigned
        large; /* of it, for letters to many: who sends one is no thief yet, and so it is put off, and suspends nobody */
    bool stolen; /* it looks so: the sum reaches the threshold */
};

/* Add up what was seen until now. What limits of its own allow an account beyond those of all, by a rule with a reason, is no sign, and what is
 * beyond them is one; `own` has 0 where they allow no more, and is NULL when it has none. */
void signs_judge(const struct signs *s, struct limits_count *c, const struct limits *own,
                 int64_t now_ms, struct signs_verdict *verdict);

/* Whether a letter goes to more people at once than anybody in an office writes to: to more than 48 outside, or to people beyond 117
 * different ones within an hour; or than limits of its own allow the account, which the verdict knows. Who sends one is no thief yet.
 * `added`: of its recipients those to whom nothing went within the hour. */
bool signs_is_large(const struct signs_verdict *verdict, uint64_t outside, uint64_t added);

/* Whether it is one, also if others of its group left it no weight. */
bool signs_is_seen(const struct signs_verdict *verdict, size_t sign);

/* The signs that are seen, the heaviest first, as sentences: "21 recipients within an hour ...; ...". */
void signs_sentence(const struct signs_verdict *verdict, struct buf *out);
