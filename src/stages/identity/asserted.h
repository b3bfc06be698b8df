/* stages/identity/asserted - who sends a letter that a provider hands on for our people.
 *
 * Nobody signed in: which of our people it was is the provider's word. What it may say is bounded here: From,
 * Sender, their Resent forms and the reverse-path are addresses of our domains, or it is refused as a letter
 * of somebody who may not use them. The provider is known by the mark that it sets in the header of our
 * letters and in no other customer's. Pure. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

#include "formats/mail/header.h"
#include "stages/identity/identity.h"

#define ASSERTED_RECEIVED_MAX 50 /* by then a letter goes round in circles (RFC 5321 section 6.3) */

/* A field with which a provider marks our letters. */
struct asserted_mark {
    struct slice name;
    struct slice value;
};

/* Whether the letter has one of the marks, once: of two fields of that name a sender may have written one. */
bool asserted_is_marked(const struct mail_header *header, const struct asserted_mark *marks,
                        size_t n_marks);

/**
 * Judge a letter that is marked as ours.
 *
 * @param domains    ours
 * @param header     of a letter that mail_structure_judge() found sound
 * @param from       set to the From address when the verdict is IDENTITY_PROVEN; in the arena
 * @param answer     as identity_judge() has it
 * @return           answer->verdict == IDENTITY_PROVEN
 */
bool asserted_judge(const struct slice *domains, size_t n_domains, struct slice reverse_path,
                    const struct mail_header *header, bool utf8, struct arena *arena,
                    struct slice *from, struct identity_answer *answer);
