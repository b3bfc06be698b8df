/* cli/subject - `postern erase` for all letters of or about a person, and `postern subject`.
 *
 * Letters that are kept for the same reason are a group. What a group says of itself stands in the file that is kept;
 * what the person is told (subject_answer.c) is less: the names of holds and classes are nobody else's business. */
#pragma once

#include "cli/cli.h"
#include "requests/subject.h"

#define SUBJECT_GROUPS_MAX 500

struct subject_group {
    struct subject_ground ground;
    uint64_t letters;
    uint64_t first; /* the first that ends */
    uint64_t last;
    uint64_t endless; /* of those that a rule keeps: without an end, or it is not known yet */
};

struct subject_groups {
    struct subject_group list[SUBJECT_GROUPS_MAX];
    size_t n;
    bool more; /* there was no room for others */
};

/* Whether the options of `erase` ask for that, and do it. */
bool subject_is_meant(struct cli *c);
bool subject_erase(struct cli *c, struct error *e) MUST_CHECK;

/* ── subject_ground.c ── */

/* The group of that reason, made when it is not there; NULL: there is no room. */
struct subject_group *subject_group_of(struct cli *c, struct subject_groups *all,
                                       const struct subject_ground *g);

/* Add letters, of a batch or page with its grounds, to their groups. */
void subject_group_letters(struct cli *c, struct subject_groups *all,
                           const struct cbor_list *grounds, const struct cbor_list *letters);

/* What groups there are, on a line each. */
void subject_say_groups(struct cli *c, const struct subject_groups *all);

/* Each letter on a line with a ground, as many lines as it has grounds. */
void subject_say_letters(struct cli *c, const struct cbor_list *grounds,
                         const struct cbor_list *letters);

struct slice subject_day(struct cli *c, uint64_t ms);                        /* "2030-01-31" */
struct slice subject_persons(struct cli *c, const struct subject_record *r); /* not cleaned */
bool subject_number(struct cli *c, uint64_t *number, struct error *e) MUST_CHECK;

/* ── subject_show.c, subject_answer.c ── */

/* Write what was said so far to the file, or to standard output when there is none. */
bool subject_put(struct cli *c, int fd, struct error *e) MUST_CHECK;

/* What the person is told. */
bool subject_tell(struct cli *c, const struct subject_row *row, const struct subject_groups *all,
                  int fd, struct error *e) MUST_CHECK;
