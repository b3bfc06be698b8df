/* keeper/recipients - what is known of a letter's recipients before it is decided.
 *
 * One function for each fact, each owned by what knows it; a function fills in its own fact and nothing else, and what it cannot
 * find out is a "no" with the reason, or TRANSPORT_UNKNOWN: a letter is decided in any case. Called by the
 * keeper's workers, several at once. */
#pragma once

#include "base/arena.h"

#include "letter/records.h"
#include "stages/policy/recipient.h"

struct keeper;

/* One state for each recipient of the facts, in their order, in the arena. */
struct recipient_state *recipients_look(struct keeper *k, const struct facts *f,
                                        struct arena *arena);

/* The facts of one recipient of a letter; texts go into the arena. */
typedef void recipients_fact(struct keeper *k, const struct facts *f, struct slice address,
                             struct arena *arena, struct recipient_state *out);

recipients_fact recipients_smime;   /* is there a certificate? */
recipients_fact recipients_openpgp; /* is there a key? */
recipients_fact recipients_secret; /* is there a password, or can one be made? keeper/documents.c */
recipients_fact recipients_transport; /* DANE, MTA-STS, a pin? */
