/* formats/mail/facts - what a header says, for the record, the search and the eye.
 *
 * Best effort, never a basis for a decision: see address.h for that. Texts are valid UTF-8 and
 * bounded; all comes from the arena. */
#pragma once

#include "formats/mail/address.h"
#include "formats/mail/header.h"

struct mail_facts {
    struct slice subject;
    struct mail_addresses from;
    struct mail_addresses sender;
    struct mail_addresses reply_to;
    struct mail_addresses to;
    struct mail_addresses cc;
    struct mail_addresses bcc;
    bool has_date;
    int64_t date_ms;         /* what the Date field claims */
    struct slice message_id; /* with its angle brackets; empty when none is readable */
};

/* Read the facts from the first field of each name. */
void mail_facts_read(const struct mail_header *h, bool utf8, struct arena *arena,
                     struct mail_facts *out);
