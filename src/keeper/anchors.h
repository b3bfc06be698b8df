/* keeper/anchors - what is done so that somebody else can show what the ledger was: checkpoints
 * mailed to an auditor, time-stamped by an authority (RFC 3161), dropped as files.
 *
 * Each act that succeeded is a record: the checkpoint, where it went, the token. One that fails comes
 * again, later each time, and when there is none for `anchor-alarm` an alarm says so. Files are
 * written by the command line, which tells afterwards. Thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "letter/records.h"

struct keeper;

struct anchors;

/* What was done last, from the state. The anchors are the keeper's. */
struct anchors *anchors_new(struct keeper *k) __attribute__((returns_nonnull));
void anchors_free(struct anchors *a);

/* A thread: do what is due until the keeper closes. */
void keeper_anchors(void *keeper);

/* Ask for a time stamp soon, whatever the interval. */
void anchors_hurry(struct anchors *a);

/* An act of that kind is recorded: the note is over `size` leaves. */
void anchors_done(struct anchors *a, enum anchor_kind kind, uint64_t size);

/* When the last one of that kind was recorded, wall clock; 0: never. */
int64_t anchors_last(struct anchors *a, enum anchor_kind kind);
