/* verify/evidence - what an account did that was suspended, and what is known of it, by one file instead of the ledger:
 * docs/ledger-format.md section 15.
 *
 * Nothing of what people read in it is believed: see verify/opened. Pure: no I/O. */
#pragma once

#include <stdio.h>

#include "verify/opened.h"

/* What the records say, when they are what they should be. The texts look into the file's memory. */
struct evidence {
    struct opened_file file;
    struct view account;
    uint64_t suspension; /* number of its record */
    int64_t begun_at;
    struct view by; /* empty: its signs */
    struct view because;
    struct view client;
    uint64_t points;
    struct view signs; /* a list's items */
    uint64_t n_signs;
    int64_t ended_at;
    bool ended;
    struct view ended_by;
    struct view ended_because;
    uint64_t sign_ins, refused, limits, acts;
    uint64_t letters, left; /* that the file opens; that a server took for somebody at least */
    uint64_t named,
        missing; /* letters that the suspension names; those that the file does not open */
    struct view made_by;
    int64_t made_at;
    uint64_t made_of;   /* how many records were recorded with the text */
    uint64_t looked_at; /* how many records of the ledger were looked at */
};

/* Whether the file says that it is evidence. */
bool evidence_is(struct view file) __attribute__((warn_unused_result));

/* Read evidence and judge it. What is returned is what is wrong: NULL when it holds. *malformed says that it is none or cannot be
 * judged, rather than that it does not hold. evidence_done() ends it in any case. */
const char *evidence_check(struct view file, const struct note_key *key, struct evidence *out,
                           bool *malformed);
void evidence_done(struct evidence *x);

/* Print what the records of one say that holds. */
void evidence_print(const struct evidence *x, const struct note_key *key, FILE *out);

struct evidence_sign {
    struct view name;
    uint64_t value, points;
};

/* Take the next sign off the list. False at its end, and when it is none. */
bool evidence_sign(struct view *rest, struct evidence_sign *sign)
    __attribute__((warn_unused_result));
