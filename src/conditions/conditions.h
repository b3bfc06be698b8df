/* conditions/conditions - does a letter meet what a section of the settings asks for?
 *
 * One reading of the same settings for every section that asks: [approval], [policy]. Pure. What the inspector found serves the
 * conditions about findings and files alone. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#include "config/settings.h"
#include "formats/mail/header.h"
#include "letter/findings.h"
#include "letter/records.h"

struct conditions_letter {
    const struct facts *facts;
    const struct mail_header *header; /* NULL: none was read */
    const struct findings *findings;  /* NULL: nobody looked */
    struct cbor_list labels;          /* texts: see labels_find() */
};

/* Somebody whom conditions about recipients may be about. */
struct conditions_recipient {
    struct slice address;
    struct slice domain; /* in lower case and A-labels */
};

/* Whether all conditions hold that are about the letter and its sender. What it met is appended to `why`, in words, behind "; " where
 * something stands there. */
bool conditions_letter_holds(const struct conditions_settings *c, const struct conditions_letter *l,
                             struct arena *arena, struct buf *why) MUST_CHECK;

/* Likewise those about recipients: for each of them one of these is enough. */
bool conditions_recipients_hold(const struct conditions_settings *c, const struct settings *s,
                                const struct conditions_recipient *to, size_t n_to,
                                struct buf *why) MUST_CHECK;

/* Append what is set as lines `setting = value`, always in the same order, lists with ", " between values, sizes in bytes. */
void conditions_write(const struct conditions_settings *c, struct buf *out);

/* Append such a line; nothing for an empty list of texts. */
void conditions_write_list(struct buf *out, const char *name, const struct config_list *list);
