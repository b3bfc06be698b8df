/* verify/certificate - what a disposal or an erasure destroyed and who said so, by one file instead of the ledger:
 * docs/ledger-format.md section 14.
 *
 * Nothing of what people read in it is believed: its digest stands in a record, and that record with all others that
 * the file opens must be in the tree of the signed checkpoint. Pure: no I/O. */
#pragma once

#include <stdio.h>

#include "verify/opened.h"

/* What the records say, when they are what they should be. */
struct certificate {
    struct opened_file file;

    struct view request; /* the id */
    bool disposal;       /* or an erasure */
    struct view asked_by;
    int64_t asked_at;
    struct view asked_for;
    struct view because;
    struct view approved_by;
    int64_t approved_at;
    struct view ended; /* what was said of it then */
    int64_t ended_at;
    bool done; /* or it was given up */
    uint64_t letters, records;
    uint64_t before;       /* of a disposal: letters whose retention had ended by then */
    uint64_t letters_then; /* how many were destroyed before it began, or began again */
    struct view holds;     /* that kept letters, as a list's items: certificate_hold() */
    bool more_holds;       /* that are not named */
    struct view made_by;
    int64_t made_at;
    uint64_t made_of; /* how many destroyed records were recorded with the text */
};

/* Read a certificate and judge it. What is returned is what is wrong: NULL when it holds. *malformed says that it is none
 * or cannot be judged, rather than that it does not hold. certificate_done() ends it in any case. */
const char *certificate_check(struct view file, const struct note_key *key, struct certificate *out,
                              bool *malformed);
void certificate_done(struct certificate *c);

struct certified_hold {
    struct view name;
    uint64_t letters;
};

/* Take the next hold off the list. False at its end, and when it is none. */
bool certificate_hold(struct view *rest, struct certified_hold *hold)
    __attribute__((warn_unused_result));

/* Whether `n` holds can be those that kept `held` letters: each kept some of them, all together no fewer, unless there are
 * `more`. Records of before name none. */
bool certificate_holds_agree(struct view holds, uint64_t n, uint64_t held, bool more);

/* Print what the records of one say that holds. */
void certificate_print(const struct certificate *c, const struct note_key *key, FILE *out);
