/* conditions/labels - which labels a letter bears: [label] in the settings.
 *
 * A header field, a tag in the subject or the account that sends it puts a label on a letter. Pure. */
#pragma once

#include "base/arena.h"

#include "config/settings.h"
#include "formats/mail/header.h"
#include "letter/records.h"

/* The names of the labels that a letter bears, in the order of the file: texts, in the arena. `header` may be NULL. */
struct cbor_list labels_find(const struct facts *f, const struct mail_header *header,
                             const struct settings *s, struct arena *arena);

/* Whether a label is among them. */
bool labels_have(const struct cbor_list *labels, struct slice name);

/* Whether the header has a field of that name and value, or with it among values that commas separate. `text` is "Name: value". */
bool labels_field(const struct mail_header *header, struct slice text, struct arena *arena);

/* The Subject field of the copy that leaves, whole and with its CRLF, where a label that the letter bears has its tag taken off; empty:
 * it leaves as it is. */
struct slice labels_subject(const struct cbor_list *labels, const struct mail_header *header,
                            const struct settings *s, struct arena *arena);
