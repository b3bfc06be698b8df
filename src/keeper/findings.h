/* keeper/findings - what the search index keeps of an inspector's findings. Pure. */
#pragma once

#include "letter/findings.h"
#include "search/index.h"

/* How much of the letter is in the index: nothing but its envelope when it was not read. */
enum search_reading findings_reading(const struct findings *f, bool unread);

/* What has: and finding: look for. */
unsigned findings_marks(const struct findings *f);
