/* vault/relock - lock what a backup shares with those before it for as long as what it stored itself.
 *
 * One exchange with the target for each object, after the view has ended. A round goes once over all names and begins
 * where the last one stood, so that one which is cut off again and again leaves none out. */
#pragma once

#include "vault/run.h"

/* Where a round is: a plain value, to be kept by the caller. */
struct vault_round {
    uint8_t from[VAULT_NAME_LEN]; /* where it began */
    uint8_t next[VAULT_NAME_LEN]; /* the first that is not done */
    bool wrapped;                 /* it has been at the end */
    bool done;
};

/* Begin one where another stood, or at the beginning: a zeroed one. */
void vault_round_begin(struct vault_round *r);

/* Own names of all data objects of a backup, ascending, each once. Errors as vault_find(). */
bool vault_names_of(struct vault *v, uint64_t number, struct buf *names,
                    struct error *e) MUST_CHECK;

/**
 * Go on with a round.
 *
 * What cannot be locked for longer is fetched and stored again; what is not there or does not open is passed over, for
 * the next backup stores it.
 *
 * @param names  ascending, VAULT_NAME_LEN bytes each
 * @param until  steady clock: stop then
 * @return       false when the store does not answer or takes nothing; the round goes on from there
 */
bool vault_relock(struct vault *v, struct slice names, struct vault_round *r, int64_t until,
                  struct error *e) MUST_CHECK;
