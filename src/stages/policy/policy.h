/* stages/policy - how well must this letter be protected on its way to each recipient, and by what?
 *
 * A pure function of what is known of the letter, its recipients and the settings; its answer is a record, so that later
 * nobody has to guess which settings were in force. For each recipient the first [policy] section counts that the letter and
 * he meet, and of its steps the first that works; where there is none, [domain] and outbound-tls say. Recipients of one
 * domain with the same outcome share a ruling. Its level is the floor: delivery never goes below. */
#pragma once

#include "base/arena.h"

#include "config/settings.h"
#include "formats/mail/header.h"
#include "letter/findings.h"
#include "letter/records.h"
#include "stages/policy/recipient.h"

/* All that is known of the letter. */
struct policy_letter {
    const struct facts *facts;
    const struct mail_header *header;     /* NULL: none was read */
    const struct findings *findings;      /* NULL: nobody looked */
    const struct recipient_state *states; /* of each recipient of the facts; NULL: nothing known */
};

/**
 * Decide. What changes of the recipients' states, such as a certificate that turned out to be of no use, makes another decision.
 *
 * @param l    its recipients are grouped by domain, in lower case and A-labels, and by outcome, in the order in which
 *             these first occur. A notice of our own is under no [policy]
 * @param out  lives in the arena; `copy` of its rulings, and version and digest of the policy, are left to the caller
 */
void policy_decide(const struct policy_letter *l, const struct settings *settings,
                   struct arena *arena, struct decision *out);

/* The sections, and what [domain], outbound-tls and [smarthost] say, as text: always written in the same way, whatever the file looks
 * like. Empty when there is no [policy]. */
struct slice policy_text(const struct settings *s, struct arena *arena);

/* The level of struct ruling that a setting means. */
enum tls_level policy_level(enum setting_tls tls);
