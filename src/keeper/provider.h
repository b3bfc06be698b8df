/* keeper/provider - letters that a provider hands on: whose they are, and what of them does not leave.
 *
 * Microsoft 365 or Google Workspace knows who signed in with it and says nothing but the letter. So From decides,
 * within our domains, and what is recorded as the mechanism says whose word it is. */
#pragma once

#include "formats/mail/header.h"
#include "keeper/internal.h"
#include "keeper/sessions.h"
#include "requests/keeper.h"
#include "stages/identity/identity.h"

enum provider_verdict {
    PROVIDER_PROVEN,
    PROVIDER_UNKNOWN, /* it has the mark of none of them */
    PROVIDER_REFUSED, /* the answer says why */
    PROVIDER_CLOSED,  /* the account that it would be is disabled */
    PROVIDER_FAILED,  /* the error says why */
};

/**
 * Judge a letter of one of the connectors that `ask` names: the first whose mark it has.
 *
 * @param header   of a letter that is well formed
 * @param session  what a client would have that signed in: the account that has the From address, or one of that
 *                 name where there is none; in the arena
 */
enum provider_verdict keeper_provider_judge(struct keeper *k, const struct keeper_submit_ask *ask,
                                            const struct mail_header *header, struct arena *arena,
                                            struct session *session, struct identity_answer *answer,
                                            struct error *e) MUST_CHECK;

/**
 * Find the account of an address or, as with one's own sign-in, of the longest beginning of it that somebody has.
 *
 * @param address  in a domain of ours; becomes the one that the account has, in the arena. Where nobody has any it is the
 *                 address without tags: each tag would be another sender otherwise
 * @param found    set to whether there is one: *out, of several one that is open
 */
bool keeper_provider_account(struct keeper *k, struct slice *address, struct arena *arena,
                             struct account *out, bool *found, struct error *e) MUST_CHECK;

/**
 * The names of the fields that do not leave with a letter.
 *
 * @param mechanism  of its facts
 * @param names      in the arena
 * @return           how many; 0 for a letter that no provider handed on
 */
size_t keeper_provider_marks(const struct settings *settings, struct slice mechanism,
                             struct arena *arena, const struct slice **names);
