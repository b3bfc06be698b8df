/* cli/show_retention - until when a letter is kept and by which rules, for who has to answer for it. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include "requests/reader.h"

/* Append what the last classes of the answer say, each with its rule; nothing when it has none or no rules were told. */
bool show_retention(const struct reader_show_answer *answer, struct arena *arena, struct buf *out,
                    struct error *e) MUST_CHECK;
