/* keeper/outside - which recipients of a letter are outside of our domains, as the numbers of catalog/known. */
#pragma once

#include "base/arena.h"

#include "letter/records.h"

#define OUTSIDE_DOMAINS_MAX                                                                        \
    16 /* of ours under which it is asked who is known; companies have few */

struct keeper;

/* Their numbers under each domain of ours, the account's first: whom somebody wrote to under another domain of ours is known too. */
struct outside {
    uint64_t *numbers; /* n times n_domains; the first of each is the recipient's own */
    bool *first;       /* of each, room for whether nobody here wrote to it */
    size_t n;
    struct slice domains[OUTSIDE_DOMAINS_MAX];
    size_t n_domains;
};

/* List them in the order of their numbers, each once; in the arena. */
void outside_read(struct keeper *k, const struct facts *f, struct arena *arena,
                  struct outside *out);

/* The recipients' own numbers, one behind the other; in the arena. */
uint64_t *outside_numbers(const struct outside *o, struct arena *arena)
    __attribute__((returns_nonnull));
