/* keeper/recipients - what is known of a letter's recipients before it is decided.
 *
 * One function for each fact, each owned by what knows it; a function fills in its own fact and nothing else. What it cannot find
 * out for good is a "no" with the reason; what it cannot find out now says `later`, or TRANSPORT_UNKNOWN. Nobody is asked for a
 * fact that no [policy] asks for. Called by the keeper's workers, several at once. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "config/settings.h"
#include "formats/mail/header.h"
#include "letter/records.h"
#include "stages/policy/recipient.h"

struct keeper;

/* One state for each recipient of the facts, in their order, in the arena: of facts that a method of the settings' [policy] sections wants.
 * What the sender signs with is looked for when `sign-letters` wants it and there is a header. Zeroed for a notice of our own, or a drill. */
struct recipient_state *recipients_look(struct keeper *k, const struct facts *f,
                                        const struct mail_header *header, const struct settings *s,
                                        struct arena *arena);

/* False with ERROR_BUSY when a decision passed over a step because somebody's fact could not be looked at now: a lower step, or none, would
 * be taken for a failure of ours. */
bool recipients_known(const struct recipient_state *states, size_t count, const struct settings *s,
                      const struct decision *d, struct error *e) MUST_CHECK;

/* A letter has waited for as long as one does: what could not be looked at ends its policy for that recipient. */
void recipients_give_up(struct recipient_state *states, size_t count, struct arena *arena);

/* The facts of one recipient of a letter; texts go into the arena. */
typedef void recipients_fact(struct keeper *k, const struct facts *f, struct slice address,
                             struct arena *arena, struct recipient_state *out);

recipients_fact recipients_smime;   /* is there a certificate? */
recipients_fact recipients_openpgp; /* is there a key? */
recipients_fact recipients_secret; /* is there a password, or can one be made? keeper/documents.c */
recipients_fact recipients_transport; /* DANE, MTA-STS, a pin? */

/* What a sender's own letters can be signed with. */
typedef void senders_fact(struct keeper *k, struct slice sender, struct arena *arena,
                          struct recipient_fact *out);

senders_fact senders_smime;
senders_fact senders_openpgp;
