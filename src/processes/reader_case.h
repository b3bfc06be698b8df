/* processes/reader_case - a case, for whoever reads its letters: its reason stands for theirs.
 *
 * What a case is is what its records say; which letters its queries find the index says, as for a search. For the
 * reader's own files; one thread. */
#pragma once

#include "letter/case.h"
#include "processes/reader.h"
#include "search/find.h"

/* All zero before; case_done() ends it, also after a failure. */
struct case_file {
    struct desk *desk;
    struct arena arena;
    struct case_view view;
    struct search_finder *finder; /* opened when it is first asked */
};

/* Free what is in it. */
void case_done(struct case_file *c);
OWN_VALUE(case_file, struct case_file, case_done)

/* Numbers of facts, ascending. */
struct case_members {
    uint64_t *list;
    size_t n, room;
};

/* Likewise. */
void case_members_done(struct case_members *m);
OWN_VALUE(case_members, struct case_members, case_members_done)

/* Fold all records of the case of that name into `view`; `desk` and `arena` are there. */
bool case_read(struct case_file *c, struct slice name, struct error *e) MUST_CHECK;

/**
 * Open a case to read letters of it.
 *
 * @param verb    of the act that a refusal is
 * @param name    empty: nothing is opened, and the reason stays
 * @param reason  set to the case's, in the request's arena, with what was given behind it
 * @return        false with ERROR_INPUT when there is no open case of that name, ERROR_DENIED when it is asked by
 *                somebody who reads his own letters alone
 */
bool case_open(struct case_file *c, struct desk *d, const struct ipc_request *r, const char *verb,
               struct slice name, struct slice *reason, struct error *e) MUST_CHECK;

/* Whether a letter is in it; true without a case. */
bool case_has(struct case_file *c, struct slice id, bool *has, struct error *e) MUST_CHECK;

/* The same as case_open() for one letter, which must be in the case. */
bool case_open_for(struct case_file *c, struct desk *d, const struct ipc_request *r,
                   const char *verb, struct slice name, struct slice id, struct slice *reason,
                   struct error *e) MUST_CHECK;

/* All letters in it. ERROR_LIMIT when there are very many. */
bool case_members(struct case_file *c, struct case_members *m, struct error *e) MUST_CHECK;

/* Whether that letter is among them. */
bool case_members_have(const struct case_members *m, uint64_t seq);
