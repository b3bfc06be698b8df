/* formats/journal - the letter within a journal report, and the envelope it was sent with.
 *
 * Exchange and Microsoft 365 send a copy of every letter to a journal mailbox: a letter with the field
 * X-MS-Journal-Report whose first part lists sender and recipients, Bcc and members of lists among
 * them, and whose second is the letter itself, byte for byte (MS-OXJRNL is not published; this is what
 * they send). Pure; texts come from the arena, the letter is a view into the report. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

#define JOURNAL_RECIPIENTS_MAX 1000
#define JOURNAL_ADDRESS_MAX    320

struct journal {
    struct slice sender;      /* empty: the null path */
    struct slice *recipients; /* each once, as first spelt */
    size_t n_recipients;
    struct slice letter;
};

/**
 * Read a report.
 *
 * @param out  filled on success
 * @return     NULL, or why this is no report that can be read: a sentence
 */
const char *journal_read(struct slice report, struct arena *arena, struct journal *out);
