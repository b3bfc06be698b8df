/* tests/senders/reading - whom a mail program could show as the sender of a letter, read generously and by nothing of
 * the product's.
 *
 * Every way to tell lines apart that some program has (CRLF, also LF and CR, also what Unicode or Python calls a line
 * end), every field that some program would take for From or Sender, and in its value, as it stands and with its
 * encoded words decoded, everything that looks like an address. */
#pragma once

#include "base/slice.h"

/* Who may be shown: told of a word that looks like an address, "anna@example.test". */
typedef bool reading_may_show(void *ctx, struct slice address);

struct reading_rules {
    reading_may_show *from;   /* in From */
    reading_may_show *sender; /* in Sender, and in the fields of letters sent again */
    void *ctx;
    bool needs_sender; /* there must be a Sender */
};

/* Why a reader could be fooled by the letter, one sentence; NULL: none can. */
const char *reading_flaw(struct slice letter, const struct reading_rules *rules);
