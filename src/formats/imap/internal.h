/* formats/imap/internal - between the reader of lines and the reader of what they say. */
#pragma once

#include "formats/imap/imap.h"

/* Read the whole response that r->text holds. False when it breaks the format. */
bool imap_response_read(struct imap_reader *r, struct imap_response *out) MUST_CHECK;

/* Whether this much of a response says that a literal which follows is a letter's octets. */
bool imap_letter_follows(struct slice text) MUST_CHECK;

/* Whether literals may follow at all: not within a status, whose text may look like one. */
bool imap_may_have_literals(struct slice text) MUST_CHECK;
