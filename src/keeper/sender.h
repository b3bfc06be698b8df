/* keeper/sender - the first promise, kept at submit: does this session's account send this letter, and as whom?
 *
 * Gathers what holds at this moment (the account's addresses, what was delegated to it and has not ended) and has
 * stages/identity judge the letter's raw bytes by that alone. What else limits as whom a session may send belongs
 * here. For the keeper's own files. */
#pragma once

#include "formats/mail/header.h"
#include "keeper/delegations.h"
#include "keeper/directory.h"
#include "keeper/sessions.h"
#include "letter/records.h"
#include "requests/keeper.h"
#include "stages/identity/identity.h"

struct keeper;

/* What is kept in memory to judge by; each part has its own lock. */
struct senders {
    struct delegation_book delegations;
    struct directory directory;
};

/* As whom a letter is sent. */
struct sender {
    struct identity_answer identity;
    struct behalf behalf; /* when proven; all empty: From is the account's own */
};

/**
 * Judge a letter.
 *
 * @param out  what it lives on comes from the arena
 * @return     false when it cannot be told now: the state could not be read
 */
bool sender_judge(struct keeper *k, const struct session *session,
                  const struct keeper_submit_ask *ask, const struct mail_header *header,
                  struct arena *arena, struct sender *out, struct error *e) MUST_CHECK;
