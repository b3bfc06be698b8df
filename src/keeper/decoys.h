/* keeper/decoys - contacts that are nobody: who writes to one has taken a list of contacts.
 *
 * They stand in lists and exports among the others, and go on being watched when they stand there no more.
 * A letter to one, by its envelope or what its header shows, is refused as one to an unknown user, and suspends the
 * account that sent it; an alarm and a record tell of it. An address that became an account's is none any more, and one that an
 * imported letter of the archive names, which nobody of ours wrote, suspends nobody. */
#pragma once

#include "formats/mail/header.h"
#include "keeper/admin.h"

struct session;
struct keeper_submit_ask;

#define DECOYS_UNKNOWN_CODE     550
#define DECOYS_UNKNOWN_ENHANCED "5.1.1"
#define DECOYS_UNKNOWN_SENTENCE "No user of this name is here"

/* Whether a letter is to nobody but real people; if not, its sender is suspended by then. */
bool decoys_pass(struct keeper *k, const struct session *session,
                 const struct keeper_submit_ask *ask, const struct mail_header *header,
                 struct arena *arena) MUST_CHECK;

/* Somebody looked for a name that only a list can have told him. */
void decoys_probed(struct keeper_admin *admin);

/* Make those that are due and take away whose time is over; called by the watch every half second. */
void decoys_look(struct keeper *k);
