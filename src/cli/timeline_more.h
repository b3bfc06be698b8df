/* cli/timeline_more - records of a letter in words, for cli/timeline, each behind the time and number that stand there already. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#include "letter/records.h"
#include "letter/retention.h"

/* Until when it is kept, and by which rules. */
void timeline_classes(const struct classes *c, struct arena *arena, struct buf *out);

/* That a second person must let it go, within a decision; nothing when none need. */
void timeline_need(const struct consent_need *n, struct arena *arena, struct buf *out);

/* Where in its source an imported letter stood. */
void timeline_place(const struct source *s, struct arena *arena, struct buf *out);

/* A person's order about it in the queue. */
void timeline_order(const struct order *o, struct arena *arena, struct buf *out);

/* That it was decided once more, and who wanted that; its rulings follow. */
struct redecision;
void timeline_redecision(const struct redecision *r, struct arena *arena, struct buf *out);

/* What became of that. */
void timeline_consent(const struct consent_record *r, struct arena *arena, struct buf *out);
