/* stages/approval - must a second person let this letter go?
 *
 * A pure function of what is known of the letter and the [approval] sections of the settings. The conditions of a section
 * must all hold; the first section that a letter meets counts. What the inspector found serves one condition alone, and
 * of a letter that it could not read whole the letter's own size stands for it. */
#pragma once

#include "base/arena.h"

#include "config/settings.h"
#include "formats/mail/header.h"
#include "letter/findings.h"
#include "letter/records.h"

struct approval_letter {
    const struct facts *facts;
    const struct mail_header *header;
    const struct findings *findings;
    const struct decision *decision; /* whose rulings name the domains as DNS does */
};

/**
 * Judge.
 *
 * @param why  set to the conditions that it met, in words, in the arena
 * @return     the section, or NULL: nobody is needed
 */
const struct approval_settings *approval_judge(const struct approval_letter *l,
                                               const struct settings *s, struct arena *arena,
                                               struct slice *why);

/* The section as text: its name in brackets, then one `setting = value` a line in the order of postern.conf(5), lists with
 * ", " between values, durations in ms and sizes in bytes; what is no condition is left out. The same settings
 * give the same text, whatever the file looks like. */
struct slice approval_text(const struct approval_settings *a, struct arena *arena);

/* Who may approve, as a decision says it: "role officer", "group leads", "account anna@example.test". */
struct cbor_list approval_approvers(const struct approval_settings *a, struct arena *arena);
