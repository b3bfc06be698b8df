/* stages/policy - how well must this letter be protected on its way to each recipient?
 *
 * A pure function of the letter's facts and the settings; its answer is a record, so that later
 * nobody has to guess which settings were in force. One ruling for each recipient domain: delivery
 * takes it as the floor and never goes below. Today the settings name domains; labels, findings
 * and the methods that protect content come with the sealed issue, as further columns of the same
 * table. */
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
 * Decide.
 *
 * @param l    its recipients are grouped by domain, in lower case and A-labels, in the order in which the
 *             domains first occur
 * @param out  lives in the arena
 */
void policy_decide(const struct policy_letter *l, const struct settings *settings,
                   struct arena *arena, struct decision *out);

/* The level of struct ruling that a setting means. */
enum tls_level policy_level(enum setting_tls tls);
